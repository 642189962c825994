//! A small HTTP server on loopback, a thread for each connection. Unlike a server for general use it can
//! misbehave: reset a connection, never answer, or stop in the middle. It must not know what is asked.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

/// A request.
#[derive(Debug, Default)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path without the query, as it was sent.
    pub path: String,
    /// The query.
    pub query: String,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What to do about a request.
#[derive(Debug)]
pub enum Reply {
    /// Answer.
    Answer(Answer),
    /// Close the connection at once; it is a reset, since the request is still unread.
    Reset,
    /// Send half of the answer and close.
    Half(Answer),
    /// Never answer; the client has to give up.
    Silence,
}

/// An answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without further headers.
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if self.status != 204 {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

/// Who answers.
pub type Handler = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// Answers on a new port of loopback as long as the process lives, and says which.
pub fn serve(handler: Handler) -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no port: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("no port: {error}"))?.to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            // A connection that breaks is the client's business: it is often the harness that broke it.
            thread::spawn(move || drop(connection(stream, &handler)));
        }
    });
    Ok(address)
}

fn connection(mut stream: TcpStream, handler: &Handler) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Some((request, length)) = peek(&stream, &mut buffer)? else { return Ok(()) };
        match handler(&request) {
            Reply::Answer(answer) => {
                stream.read_exact(&mut buffer[..length])?;
                stream.write_all(&answer.bytes())?;
            }
            // What is unread when a connection is closed makes the kernel reset it.
            Reply::Reset => return Ok(()),
            Reply::Half(answer) => {
                stream.read_exact(&mut buffer[..length])?;
                let bytes = answer.bytes();
                return stream.write_all(&bytes[..bytes.len() / 2]);
            }
            Reply::Silence => {
                stream.read_exact(&mut buffer[..length])?;
                // Ends when the client closes.
                let _ = stream.read(&mut buffer)?;
                return Ok(());
            }
        }
    }
}

/// The next request and its length, left unread; none at the end of the connection.
fn peek(stream: &TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<(Request, usize)>> {
    loop {
        let read = stream.peek(buffer)?;
        if read == 0 {
            return Ok(None);
        }
        if let Some(found) = parse(&buffer[..read]) {
            return Ok(Some(found));
        }
        if read == buffer.len() {
            buffer.resize(2 * read, 0);
        } else {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// A request at the beginning of some bytes, if it is whole.
fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request =
        Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
    let rest = &bytes[end + 4..];
    if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        let (body, length) = chunks(rest)?;
        request.body = body;
        return Some((request, end + 4 + length));
    }
    let length = request.header("content-length").parse().unwrap_or(0);
    request.body = rest.get(..length)?.to_vec();
    Some((request, end + 4 + length))
}

fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..at + line]).ok()?, 16).ok()?;
        let start = at + line + 2;
        body.extend(bytes.get(start..start + size)?);
        at = start + size + 2;
        if bytes.len() < at {
            return None;
        }
        if size == 0 {
            return Some((body, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn requests() {
        let bytes = b"PUT /a?b=c HTTP/1.1\r\nContent-Length: 2\r\nX: y\r\n\r\nhiGET";
        let (request, length) = parse(bytes).unwrap();
        assert_eq!((request.path.as_str(), request.query.as_str(), request.header("x")), ("/a", "b=c", "y"));
        assert_eq!((request.body.as_slice(), length), (&b"hi"[..], bytes.len() - 3));
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().0.body, b"hi");
        assert!(parse(&chunked[..chunked.len() - 3]).is_none());
    }
}
