//! XML::SAX: parsers that packages enter, update-perl-sax-parsers(8).

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("update-perl-sax-parsers", sax_parsers)], ..Package::of("libxml-sax-perl") };

/// What Debian's parsers can do, as they say themselves when they are loaded.
const PARSERS: &[(&str, &[&str])] = &[
    ("XML::LibXML::SAX", &["namespaces"]),
    ("XML::LibXML::SAX::Parser", &["namespaces"]),
    ("XML::SAX::Expat", &["external-general-entities", "external-parameter-entities", "namespaces"]),
    ("XML::SAX::PurePerl", &["namespaces"]),
];
const PARSERS_DIRECTORY: &str = "/var/lib/libxml-sax-perl/ParserDetails.d";

/// `update-perl-sax-parsers [--quiet] --add|--remove PARSER [--priority N]` and `--update`.
fn sax_parsers(call: &mut Call<'_, '_>) -> Done {
    let long = [("add", b'a'), ("remove", b'r'), ("update", b'u'), ("priority", b'p'), ("quiet", b'q')];
    let given = call.options("a:r:up:q", &long)?;
    let priority = given.value(b'p').map_or_else(|| "50".to_owned(), show);
    let path = |parser: &str| match priority.as_str() {
        "0" => format!("{PARSERS_DIRECTORY}/{parser}"),
        priority => format!("{PARSERS_DIRECTORY}/{priority}-{parser}"),
    };
    match (given.value(b'a').map(show), given.value(b'r').map(show), given.has(b'u')) {
        (Some(parser), None, false) => {
            let known = PARSERS.iter().find(|(name, _)| *name == parser);
            let (_, features) = known.ok_or_else(|| Fault::gap(format!("what the parser `{parser}` can do")))?;
            let lines: String =
                features.iter().map(|name| format!("http://xml.org/sax/features/{name} = 1\n")).collect();
            call.tree().make_directories(PARSERS_DIRECTORY, 0o755)?;
            call.write(path(&parser).as_bytes(), 0o666, format!("[{parser}]\n{lines}\n\n").into_bytes())?;
            Ok(0)
        }
        (None, Some(parser), false) => call.run(&[b"rm".to_vec(), b"-f".to_vec(), path(&parser).into_bytes()]),
        (None, None, true) => {
            let tree = call.tree();
            let place = tree.lookup(PARSERS_DIRECTORY).map(|(place, _)| place);
            let place = place.ok_or_else(|| Fault::failed(format!("Cannot access {PARSERS_DIRECTORY}")))?;
            let files: Vec<Vec<u8>> = tree.children(&place).map(|(path, _)| path.to_string().into_bytes()).collect();
            let text = call.read_all(&files)?;
            let made = format!("/tmp/sax-{:06}", call.shell.system.fresh_number()).into_bytes();
            call.write(&made, 0o666, text)?;
            let words = ["ucf", "--debconf-ok", "--sum-file", "/var/lib/libxml-sax-perl/ParserDetails.ini.md5sum"];
            let mut words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            words.extend([made.clone(), b"/etc/perl/XML/SAX/ParserDetails.ini".to_vec()]);
            call.run(&words)?;
            call.run(&[b"rm".to_vec(), b"-f".to_vec(), made])
        }
        _ => Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
    }
}
