use crate::configure::machine;
use crate::digest::Sha256;
use crate::shell::Shell;
use crate::shell::system::System;
use crate::tree::Tree;

const DECLARED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<schemalist gettext-domain="dom">
  <enum id="org.example.E"><value nick="one" value="1"/><value nick="two" value="2"/></enum>
  <flags id="org.example.F"><value nick="aa" value="1"/><value nick="bb" value="2"/></flags>
  <schema id="org.example.base">
    <key name="plain" type="i"><range min="0" max="9"/><default>3</default><summary>x</summary></key>
  </schema>
  <schema id="org.example" path="/org/example/" extends="org.example.base">
    <key name="e" enum="org.example.E"><aliases><alias value="zwei" target="two"/></aliases><default>'two'</default></key>
    <key name="f" flags="org.example.F"><default>['bb']</default></key>
    <key name="c" type="s"><choices><choice value="a"/><choice value="b"/></choices><default>'a'</default></key>
    <key name="t" type="as"><default l10n="messages" context="ctx"> ['x', "y"] <!-- c --></default></key>
    <key name="v" type="a{sv}"><default>{'k': &lt;@u 5&gt;, 'l': <![CDATA[<[1.5, 2]>]]>}</default></key>
    <key name="d" type="d"><default>1.25</default></key>
    <child name="sub" schema="org.example.sub"/>
    <override name="plain">7</override>
  </schema>
  <schema id="org.example.sub"/>
  <schema id="org.example.list" list-of="org.example.base"/>
</schemalist>
"#;

const PREFERRED: &str = "# what a distribution prefers\n[org.example]\nc='b'\nd=99\nnothing=1\n[org.example:GNOME]\nplain=5\ne='one'\n[org.example.none]\nx=1\n";

fn compiled(files: &[(&str, &str)]) -> System {
    let mut tree = Tree::new();
    for (name, text) in files {
        tree.write(format!("usr/share/glib-2.0/schemas/{name}"), 0o644, *text).expect("new");
    }
    let mut system = machine(tree, "amd64", 0);
    let script = "/usr/lib/x86_64-linux-gnu/glib-2.0/glib-compile-schemas /usr/share/glib-2.0/schemas";
    let outcome = Shell::new(&mut system, "postinst", &[("PATH", "/bin")]).run_script(script.as_bytes(), &[], &[]);
    outcome.expect("no limit is met");
    system
}

/// The digest is that of what the real program, of GLib 2.84, makes of the same files.
#[test]
fn schemas_are_compiled() {
    let mut system = compiled(&[("a.gschema.xml", DECLARED), ("10_x.gschema.override", PREFERRED)]);
    assert_eq!(system.gaps, []);
    let bytes = system.tree().read("/usr/share/glib-2.0/schemas/gschemas.compiled").expect("memory").expect("written");
    assert_eq!(Sha256::of(&bytes).to_string(), "f882dcc7e89fb66c52a0b5e93be6fdc27ef03828354e0230b803f01a0fea1bac");
}

#[test]
fn without_schemas_there_is_no_file() {
    let mut system = compiled(&[("gschemas.compiled", "old")]);
    assert_eq!(system.gaps, []);
    assert_eq!(system.tree().read("/usr/share/glib-2.0/schemas/gschemas.compiled").expect("memory"), None);
}

#[test]
fn what_is_not_understood_is_a_gap() {
    let key = |inside: &str| {
        format!("<schemalist><schema id=\"a\"><key name=\"k\" type=\"i\">{inside}</key></schema></schemalist>")
    };
    let texts = [
        "".to_owned(),
        "<other/>".into(),
        "<schemalist><schema/></schemalist>".into(),
        "<schemalist><schema id=\"a\" extends=\"b\"/></schemalist>".into(),
        "<schemalist><enum id=\"a\"><value nick=\"xx\" value=\"9999999999\"/></enum></schemalist>".into(),
        key(""),
        key("<default>'text'</default>"),
        key("<range max=\"2\"/><default>3</default>"),
        key("<default l10n=\"messages\">1</default>"),
        key("<what/><default>1</default>"),
        key("<default>1</default>").replace("\"k\"", "\"K\""),
        key("<default>1</default>").replace("\"i\"", "\"z\""),
    ];
    for text in &texts {
        let system = compiled(&[("a.gschema.xml", text)]);
        assert!(system.gaps.iter().any(|gap| gap.what.contains("a.gschema.xml")), "{text}: {:?}", system.gaps);
    }
}
