//! XML answers as JSON values: an element becomes an object, a repeated one a list, a leaf a text.
//! Pure. Attributes and namespaces say nothing about tags and are dropped.

use quick_xml::{Reader, escape, events::Event};
use serde_json::{Map, Value};

/// Reads a whole document. The root element is a member of the value that is returned.
///
/// # Errors
/// The text is not one well-formed document from its beginning to its end. One that was cut short has no end, and
/// what was not read of it must not pass for empty.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let whole = elements(text).map_err(|error| error.to_string())?;
    match whole.as_slice() {
        [(_, roots, _)] if roots.len() == 1 && !roots.values().any(Value::is_array) => {
            Ok(Value::Object(roots.clone()))
        }
        [_] => Err("the document has not one root element".to_owned()),
        [.., (open, ..)] => Err(format!("the document ends inside <{open}>")),
        [] => Err("the document closes more than it opened".to_owned()),
    }
}

/// An element: its name, its children so far, its text so far.
type Element = (String, Map<String, Value>, String);

/// What is still open when the text is over: the document itself, and what was not closed.
fn elements(text: &[u8]) -> Result<Vec<Element>, quick_xml::Error> {
    let mut reader = Reader::from_reader(text);
    let mut open: Vec<Element> = vec![(String::new(), Map::new(), String::new())];
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    loop {
        match reader.read_event()? {
            Event::Start(element) => {
                open.push((name(element.local_name().as_ref()), Map::new(), String::new()))
            }
            Event::Empty(element) => {
                add(&mut open, name(element.local_name().as_ref()), Value::String(String::new()))
            }
            Event::Text(part) => push_text(&mut open, &part.decode().map_err(quick_xml::Error::from)?),
            Event::CData(part) => push_text(&mut open, &part.decode().map_err(quick_xml::Error::from)?),
            Event::GeneralRef(reference) => match reference.resolve_char_ref()? {
                Some(character) => push_text(&mut open, character.encode_utf8(&mut [0; 4])),
                None => {
                    let entity = reference.decode().map_err(quick_xml::Error::from)?;
                    push_text(&mut open, escape::resolve_xml_entity(&entity).unwrap_or_default());
                }
            },
            Event::End(_) => {
                if let Some((name, children, text)) = open.pop() {
                    let value =
                        if children.is_empty() { Value::String(text) } else { Value::Object(children) };
                    add(&mut open, name, value);
                }
            }
            Event::Eof => return Ok(open),
            _ => {}
        }
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some((_, _, so_far)) = open.last_mut() {
        so_far.push_str(text);
    }
}

fn add(open: &mut [Element], name: String, value: Value) {
    let Some((_, children, _)) = open.last_mut() else { return };
    match children.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value),
        Some(earlier) => {
            let first = earlier.take();
            *earlier = Value::Array(vec![first, value]);
        }
        None => {
            children.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn documents() {
        for (text, expected) in [
            ("<a><b>x</b><b>y</b></a>", json!({"a": {"b": ["x", "y"]}})),
            ("<a xmlns=\"u\"><n:b>&lt;&#65;&amp;</n:b><c/></a>", json!({"a": {"b": "<A&", "c": ""}})),
            ("<?xml version=\"1.0\"?>\n<a><![CDATA[<x>]]></a>", json!({"a": "<x>"})),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for (text, why) in [
            ("<a><b></a>", "expected `</b>`"),
            ("<a><b>x</b>", "ends inside <a>"),
            ("<a><b", "tag"),
            ("", "not one root"),
            ("<!-- nothing -->", "not one root"),
            ("<a/><b/>", "not one root"),
            ("<a/><a/>", "not one root"),
        ] {
            let error = parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(why), "{text}: expected {why}, found {error}");
        }
    }
}
