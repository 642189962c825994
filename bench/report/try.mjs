// Opens pages of `tagger report` in a real Chromium and tries what people do: search, sort, open a row, save a CSV, print,
// read it without a script, on a phone, in the dark. Fails with a sentence where something is not as it should be.
//
//   npm install playwright-core      (in a folder of your own; NODE_PATH tells where)
//   node bench/report/try.mjs TAGGER CHROMIUM FOLDER
//
// TAGGER is the program, CHROMIUM a Chromium or its headless shell, FOLDER gets pages and screenshots to be looked at.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [tagger, chromium, folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: node try.mjs TAGGER CHROMIUM FOLDER");
const require = createRequire(join(process.env.NODE_PATH ?? process.cwd(), "x.js"));
const playwright = require("playwright-core");
mkdirSync(folder, { recursive: true });

const HOSTILE = ["</script><script>document.title='taken'</script>", "<img src=x onerror=document.title='taken'>",
  "=HYPERLINK(\"http://example.com\")", "\u202Eecila", "a'\"&<b>", "x".repeat(300), "名前", "-->{{7*7}}"];
const KINDS = [
  name => ({ type: "IAMUser", userName: name, arn: `arn:aws:iam::111122223333:user/${name}` }),
  () => ({ type: "Root", arn: "arn:aws:iam::111122223333:root", accountId: "111122223333" }),
  () => ({ type: "AssumedRole", arn: "arn:aws:sts::111122223333:assumed-role/deploy/GitHubActions",
    principalId: "AROA:GitHubActions", sessionContext: { webIdFederationData: { federatedProvider: "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" } } }),
  name => ({ type: "AssumedRole", arn: `arn:aws:sts::444455556666:assumed-role/Dev/${name}`, principalId: `AROA:${name}` }),
];

function records(count, names) {
  const lines = [];
  for (let at = 0; at < count; at += 1) {
    const time = new Date(1780000000000 + at * (15000000000 / count)).toISOString().slice(0, 19) + "Z";
    const name = names[at % names.length], account = at % 7 ? "111122223333" : "444455556666";
    const queue = `queue-${at}`;
    lines.push(JSON.stringify({ eventID: `e-${at}`, eventSource: "sqs.amazonaws.com", eventName: "CreateQueue", eventTime: time,
      awsRegion: at % 3 ? "eu-west-1" : "us-east-1", recipientAccountId: account, userIdentity: KINDS[at % 11 === 0 ? 1 : at % 4 === 1 ? 0 : at % 4](name),
      requestParameters: { queueName: queue }, responseElements: { queueUrl: `https://sqs.eu-west-1.amazonaws.com/${account}/${queue}` } }));
  }
  return lines.join("\n");
}

function made(name, input, more = []) {
  const page = join(folder, `${name}.html`);
  const began = Date.now();
  execFileSync(tagger, ["report", input, "--output", page, "--title", `Who created what: ${name}`, ...more], { stdio: ["ignore", "ignore", "pipe"] });
  return { page, seconds: (Date.now() - began) / 1000, bytes: statSync(page).size };
}

function expect(what, found, expected) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
}

const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox"] });
async function opened(file, options, act) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await context.newPage();
  const troubles = [];
  page.on("console", message => ["error", "warning"].includes(message.type()) && troubles.push(message.text()));
  page.on("pageerror", error => troubles.push(String(error)));
  page.on("request", request => !/^(file|blob):/.test(request.url()) && troubles.push(`asks ${request.url()}`));
  const began = Date.now();
  await page.goto(pathToFileURL(file).href);
  const opening = Date.now() - began;
  await act(page);
  expect(`${file}: what the browser complains of`, troubles, []);
  await context.close();
  return opening;
}
const rows = page => page.locator("#table tbody tr.row").count();
const shot = (page, name) => page.screenshot({ path: join(folder, `${name}.png`) });
const fits = async (page, what) => {
  const [inner, scroll] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  expect(`${what}: nothing is wider than the window (${scroll} of ${inner} pixels)`, scroll <= inner, true);
};

const names = ["alice@example.com", "bob", "carol@example.com", "dave", "erin@example.com"];
const inputs = { usual: records(400, names), hostile: records(80, HOSTILE), "rows-20000": records(20000, names), "rows-100000": records(100000, names) };
for (const [name, text] of Object.entries(inputs)) writeFileSync(join(folder, `${name}.jsonl`), text);
const cost = join(folder, "cost.csv");
writeFileSync(cost, "ResourceId,EffectiveCost,BillingCurrency\n" + Array.from({ length: 400 }, (_, at) => `queue-${at},${(at / 7).toFixed(4)},USD`).join("\n") + "\narn:aws:s3:::old,12.5,USD\n");

for (const name of Object.keys(inputs)) {
  const { page: file, seconds, bytes } = made(name, join(folder, `${name}.jsonl`), name === "usual" ? ["--cost", cost] : []);
  const opening = await opened(file, { viewport: { width: 1280, height: 1300 } }, async page => {
    expect(`${name}: the title`, await page.title(), `Who created what: ${name}`);
    expect(`${name}: figures`, await page.locator(".figures li").count(), 6);
    const all = Number((await page.textContent("#count")).match(/of (\d+)/)[1]);
    expect(`${name}: rows of a page`, await rows(page), Math.min(all, 100));
    await fits(page, name);
    await shot(page, name);
    if (name !== "hostile") {
      await page.fill("#search", "bob eu-west-1");
      await page.waitForFunction(() => / in all/.test(document.getElementById("count").textContent));
      const texts = await page.locator("#table tbody tr.row").allTextContents();
      expect(`${name}: what the search shows`, texts.length > 0 && texts.every(text => text.includes("bob") && text.includes("eu-west-1")), true);
      const download = page.waitForEvent("download");
      await page.click("#csv");
      const csv = readFileSync(await (await download).path(), "utf8");
      const shown = Number((await page.textContent("#count")).match(/of (\d+)/)[1]);
      expect(`${name}: lines of the CSV of what is shown`, csv.split("\r\n").length, shown + 1);
      await page.fill("#search", "");
      await page.waitForFunction(() => !/ in all/.test(document.getElementById("count").textContent));
    }
    const began = Date.now();
    await page.click("#table th:nth-child(2) button");
    const cells = await page.locator("#table tbody tr.row td:nth-child(2)").allTextContents();
    expect(`${name}: sorted`, cells, [...cells].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    const sorting = Date.now() - began;
    await page.locator("#table tbody tr.row").first().click();
    await page.evaluate(() => document.getElementById("resources").scrollIntoView());
    expect(`${name}: an opened row`, await page.locator("#table tr.more").count(), 1);
    await shot(page, `${name}-open`);
    console.log(`${name}: ${seconds.toFixed(1)} s to make, ${bytes} bytes, sorted and drawn in ${sorting} ms`);
  });
  console.log(`${name}: opened in ${opening} ms`);
}

const usual = join(folder, "usual.html");
await opened(usual, { colorScheme: "dark", viewport: { width: 1280, height: 1300 } }, page => shot(page, "dark"));
await opened(usual, { viewport: { width: 390, height: 800 } }, async page => {
  await fits(page, "on a phone");
  await shot(page, "phone");
  await page.evaluate(() => document.getElementById("resources").scrollIntoView());
  await shot(page, "phone-table");
});
await opened(usual, { javaScriptEnabled: false }, async page => {
  expect("without a script: figures", await page.locator(".figures li").count(), 6);
  expect("without a script: bars", (await page.locator("svg rect").count()) > 10, true);
  expect("without a script: the table is left out", await page.locator("#resources").isVisible(), false);
  await shot(page, "without-script");
});
await opened(usual, {}, page => page.pdf({ path: join(folder, "print.pdf") }));
await browser.close();
console.log("all as expected; now look at the screenshots in", folder);
