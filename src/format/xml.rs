//! XML documents as trees of elements, as far as Debian's own indices are made of them: no external entities, none of a
//! document's own, a bounded depth.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;

/// Elements inside each other; MIME's magic, which is the deepest, has fewer than ten.
const DEPTH: usize = 64;

/// Prefixes of namespaces in force at one place: each element has them at hand.
const PREFIXES: usize = 16;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its namespace, when it has one.
    pub namespace: Option<String>,
    /// Its name as written, with a prefix.
    pub name: String,
    /// Its attributes as written, less those that declare namespaces.
    pub attributes: Vec<(String, String)>,
    /// What is in it, in order.
    pub children: Vec<Child>,
}

/// What is in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Child {
    /// An element.
    Element(Element),
    /// Text, with references resolved.
    Text(String),
    /// A comment.
    Comment(String),
}

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not well-formed.
    #[error("not well-formed XML")]
    Syntax(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It has no element, or more than one at the top.
    #[error("not one element")]
    NotOne,
    /// It uses an entity of its own.
    #[error("the entity `{0}`")]
    Entity(String),
    /// Elements lie too deep inside each other.
    #[error("more than {DEPTH} elements inside each other")]
    Deep,
    /// Too many namespaces are in force.
    #[error("more than {PREFIXES} namespaces")]
    Prefixes,
}

impl Element {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            _ => None,
        })
    }
}

/// Reads a document.
///
/// # Errors
/// [`Error`].
pub fn parse(text: &str) -> Result<Element, Error> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(Element, BTreeMap<String, String>)> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|error| Error::Syntax(Box::new(error)))?;
        match event {
            Event::Start(start) => {
                if open.len() == DEPTH {
                    return Err(Error::Deep);
                }
                if root.is_some() {
                    return Err(Error::NotOne);
                }
                let scope = open.last().map(|(_, scope)| scope.clone()).unwrap_or_default();
                open.push(element(&start, scope)?);
            }
            Event::Empty(start) => {
                let scope = open.last().map(|(_, scope)| scope.clone()).unwrap_or_default();
                let (made, _) = element(&start, scope)?;
                close(&mut open, &mut root, made)?;
            }
            // quick-xml has compared the names.
            Event::End(_) => {
                if let Some((made, _)) = open.pop() {
                    close(&mut open, &mut root, made)?;
                }
            }
            Event::Text(text) => add_text(&mut open, &text.xml10_content())?,
            Event::CData(text) => add_text(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content().into_owned();
                let character = reference.resolve_char_ref().map_err(|error| Error::Syntax(Box::new(error)))?;
                match (character, resolve_xml_entity(&name)) {
                    (Some(character), _) => add_text(&mut open, character.encode_utf8(&mut [0; 4]))?,
                    (None, Some(text)) => add_text(&mut open, text)?,
                    (None, None) => return Err(Error::Entity(name)),
                }
            }
            Event::Comment(text) => {
                let text = text.xml10_content().into_owned();
                if let Some((element, _)) = open.last_mut() {
                    element.children.push(Child::Comment(text));
                }
            }
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    if open.is_empty() { root.ok_or(Error::NotOne) } else { Err(Error::NotOne) }
}

/// An element, and the namespaces by prefix within it.
fn element(
    start: &BytesStart<'_>,
    mut scope: BTreeMap<String, String>,
) -> Result<(Element, BTreeMap<String, String>), Error> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| Error::Syntax(Box::new(error)))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|error| Error::Syntax(Box::new(error)))?.into_owned();
        let name: String = attribute.key.as_ref().to_owned();
        match name.strip_prefix("xmlns").map(|rest| rest.strip_prefix(':').unwrap_or(rest)) {
            Some(prefix) if name == "xmlns" || name.starts_with("xmlns:") => {
                scope.insert(prefix.to_owned(), value);
                if scope.len() > PREFIXES {
                    return Err(Error::Prefixes);
                }
            }
            _ => attributes.push((name, value)),
        }
    }
    let name: String = start.name().as_ref().to_owned();
    let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
    let namespace = scope.get(prefix).filter(|namespace| !namespace.is_empty()).cloned();
    Ok((Element { namespace, name, attributes, children: Vec::new() }, scope))
}

fn close(
    open: &mut [(Element, BTreeMap<String, String>)],
    root: &mut Option<Element>,
    made: Element,
) -> Result<(), Error> {
    match open.last_mut() {
        Some((parent, _)) => parent.children.push(Child::Element(made)),
        None if root.is_none() => *root = Some(made),
        None => return Err(Error::NotOne),
    }
    Ok(())
}

fn add_text(open: &mut [(Element, BTreeMap<String, String>)], text: &str) -> Result<(), Error> {
    match open.last_mut() {
        Some((element, _)) => match element.children.last_mut() {
            Some(Child::Text(before)) => before.push_str(text),
            _ => element.children.push(Child::Text(text.to_owned())),
        },
        None if text.trim().is_empty() => {}
        None => return Err(Error::NotOne),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read() {
        let text = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ELEMENT a (b)+>]><!-- x -->\n\
                    <a xmlns='urn:a' b=\"1 &lt; 2\"><b:c xmlns:b='urn:b'>x&amp;<![CDATA[<y>]]>&#x41;</b:c><!--d--><e/></a>\n";
        let a = parse(text).expect("well-formed");
        assert_eq!((a.name.as_str(), a.namespace.as_deref(), a.attribute("b")), ("a", Some("urn:a"), Some("1 < 2")));
        let names: Vec<_> = a.elements().map(|element| (element.name.as_str(), element.namespace.as_deref())).collect();
        assert_eq!(names, [("b:c", Some("urn:b")), ("e", Some("urn:a"))]);
        let inside = a.elements().next().expect("one").children.clone();
        assert_eq!(inside, [Child::Text("x&<y>A".into())]);
        assert_eq!(a.children[1], Child::Comment("d".into()));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "<a>".repeat(1_000_000);
        let texts =
            ["", "<a>", "<a></b>", "<a/><b/>", "x<a/>", "<a b=c/>", "<a>&b;</a>", "<a", "<a>&#xd800;</a>", &deep];
        for text in texts {
            assert!(parse(text).is_err(), "{}", &text[..text.len().min(20)]);
        }
        let many: String = (0..100).map(|number| format!(" xmlns:n{number}='urn:{number}'")).collect();
        assert!(matches!(parse(&format!("<a{many}/>")), Err(Error::Prefixes)));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"xxxx\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert!(matches!(parse(bomb), Err(Error::Entity(name)) if name == "c"));
    }
}
