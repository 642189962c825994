"""Who called: the shape of userIdentity for each kind of caller, from the emulator's own IAM and STS."""

from __future__ import annotations

import json
import unittest

from support import ACCOUNT, Cloud

import people
from test_form import paths

EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
OPEN_TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
     "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}]})
SESSION_PATHS = {
    "type", "principalId", "arn", "accountId", "accessKeyId", "sessionContext", "sessionContext.sessionIssuer",
    "sessionContext.sessionIssuer.type", "sessionContext.sessionIssuer.principalId", "sessionContext.sessionIssuer.arn",
    "sessionContext.sessionIssuer.accountId", "sessionContext.sessionIssuer.userName",
    "sessionContext.webIdFederationData", "sessionContext.attributes", "sessionContext.attributes.creationDate",
    "sessionContext.attributes.mfaAuthenticated"}
# label -> (who, expected members, expected paths or None)
CASES = {
    "IAM user": ("user", {"type": "IAMUser", "userName": "carol", "arn": f"arn:aws:iam::{ACCOUNT}:user/staff/carol",
                          "accountId": ACCOUNT},
                 {"type", "principalId", "arn", "accountId", "accessKeyId", "userName"}),
    "role session": ("session", {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/dave",
                                 "accountId": ACCOUNT}, SESSION_PATHS),
    "session with a source identity": ("sourced", {"type": "AssumedRole"},
                                       SESSION_PATHS | {"sessionContext.sourceIdentity"}),
    "session of a session": ("chained", {"type": "AssumedRole",
                                         "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/second"},
                             SESSION_PATHS | {"sessionContext.sourceIdentity"}),
    "root": ("root", {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root",
                      "accountId": ACCOUNT}, {"type", "principalId", "arn", "accountId", "accessKeyId"}),
    "federated user": ("federated", {"type": "FederatedUser", "principalId": f"{ACCOUNT}:erin",
                                     "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/erin"}, SESSION_PATHS),
    "session token of a user": ("token", {"type": "IAMUser", "userName": "carol"}, None),
}


def keys(credentials: dict) -> dict[str, str]:
    found = {"AWS_ACCESS_KEY_ID": credentials["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"]}
    if "SessionToken" in credentials:
        found["AWS_SESSION_TOKEN"] = credentials["SessionToken"]
    return found


class Identity(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = cloud = Cloud()
        cls.addClassCleanup(cloud.stop)
        cloud.aws("iam", "create-user", "--user-name", "carol", "--path", "/staff/")
        cloud.aws("iam", "put-user-policy", "--user-name", "carol", "--policy-name", "p", "--policy-document", EVERYTHING)
        role = cloud.aws("iam", "create-role", "--role-name", "Worker", "--path", "/team/", "--assume-role-policy-document",
                         OPEN_TRUST)["Role"]
        cloud.aws("iam", "put-role-policy", "--role-name", "Worker", "--policy-name", "p", "--policy-document", EVERYTHING)
        cls.role = role
        user = keys(cloud.aws("iam", "create-access-key", "--user-name", "carol")["AccessKey"])

        def assume(name: str, identity: dict, *more: str) -> dict:
            return keys(cloud.aws("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", name, *more,
                                  identity=identity)["Credentials"])

        sourced = assume("first", user, "--source-identity", "carol@example.com")
        cls.people = {
            "user": user, "session": assume("dave", user), "sourced": sourced, "chained": assume("second", sourced),
            "root": None,
            "federated": keys(cloud.aws("sts", "get-federation-token", "--name", "erin", "--policy", EVERYTHING,
                                        identity=user)["Credentials"]),
            "token": keys(cloud.aws("sts", "get-session-token", identity=user)["Credentials"]),
        }

    def test_each_kind_of_caller(self) -> None:
        for label, (who, members, wanted) in CASES.items():
            with self.subTest(label):
                record = self.cloud.recorded("sns", "create-topic", "--name", f"of-{who}", identity=self.people[who])
                self.assertNotIn("errorCode", record)
                identity = record["userIdentity"]
                self.assertEqual(members, {name: identity.get(name) for name in members})
                if wanted is not None:
                    self.assertEqual(wanted, set(paths(identity)))

    def test_ids_are_those_of_iam(self) -> None:
        identity = self.cloud.recorded("sns", "create-topic", "--name", "ids",
                                       identity=self.people["session"])["userIdentity"]
        issuer = identity["sessionContext"]["sessionIssuer"]
        self.assertEqual(identity["principalId"], self.role["RoleId"] + ":dave")
        self.assertEqual((issuer["principalId"], issuer["arn"]), (self.role["RoleId"], self.role["Arn"]))
        self.assertTrue(identity["accessKeyId"].startswith("ASIA"))

    def test_source_identity_stays(self) -> None:
        for who in ("sourced", "chained"):
            with self.subTest(who):
                identity = self.cloud.recorded("sns", "create-topic", "--name", f"stays-{who}",
                                               identity=self.people[who])["userIdentity"]
                self.assertEqual(identity["sessionContext"]["sourceIdentity"], "carol@example.com")

    def test_a_key_nobody_has_leaves_no_record(self) -> None:
        before = len(self.cloud.records())
        self.cloud.aws("sns", "create-topic", "--name", "nobody", fails=True,
                       identity={"AWS_ACCESS_KEY_ID": "AKIANOBODYNOBODYNOBO", "AWS_SECRET_ACCESS_KEY": "x"})
        self.assertEqual(len(self.cloud.records()), before)

    def test_an_assumption_across_accounts_is_recorded_in_both(self) -> None:
        other = "444455556666"
        root = {"AWS_ACCESS_KEY_ID": other, "AWS_SECRET_ACCESS_KEY": "test"}
        role = self.cloud.aws("iam", "create-role", "--role-name", "Across", "--assume-role-policy-document", OPEN_TRUST,
                              identity=root)["Role"]["Arn"]
        before = len(self.cloud.records())
        key = self.cloud.aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "there",
                             identity=self.people["user"])["Credentials"]["AccessKeyId"]
        mine, theirs = self.cloud.records()[before:]
        self.assertEqual(("IAMUser", "AWSAccount"), (mine["userIdentity"]["type"], theirs["userIdentity"]["type"]))
        self.assertEqual((ACCOUNT, other), (mine["recipientAccountId"], theirs["recipientAccountId"]))
        self.assertEqual(mine["sharedEventID"], theirs["sharedEventID"])
        self.assertNotEqual(mine["eventID"], theirs["eventID"])
        for record in (mine, theirs):
            self.assertEqual(key, record["responseElements"]["credentials"]["accessKeyId"])

    def test_a_web_identity_is_recorded_without_a_signature(self) -> None:
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{people.PROVIDER}"
        trust = json.dumps(people.trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity"))
        role = self.cloud.aws("iam", "create-role", "--role-name", "Web", "--assume-role-policy-document", trust)["Role"]["Arn"]
        record = self.cloud.recorded("sts", "assume-role-with-web-identity", "--role-arn", role, "--role-session-name", "job",
                                     "--web-identity-token", people.web_identity_token())
        self.assertEqual({"type": "WebIdentityUser", "userName": "repo:example/shop:ref:refs/heads/main", "identityProvider": provider,
                          "principalId": f"{provider}:sts.amazonaws.com:repo:example/shop:ref:refs/heads/main"}, record["userIdentity"])
        self.assertNotIn("webIdentityToken", record["requestParameters"])

    def test_the_caller_that_deletes_its_own_key(self) -> None:
        made = self.cloud.aws("iam", "create-access-key", "--user-name", "carol")["AccessKey"]
        record = self.cloud.recorded("iam", "delete-access-key", "--user-name", "carol", "--access-key-id",
                                     made["AccessKeyId"], identity=keys(made))
        self.assertEqual(record["userIdentity"]["userName"], "carol")


if __name__ == "__main__":
    unittest.main()
