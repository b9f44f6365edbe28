//! dpkg's order, as far as it shows: what a preinst diverts counts for the files of its own package, and for those that
//! come after.

use imgbuild::testing::DebBuilder;

use crate::secrets::built;
use crate::secrets::refusal;
use crate::secrets::text;
use crate::secrets::world;

const TOOL: &str = "/usr/bin/tool";

fn tool(name: &str, content: &str) -> DebBuilder {
    DebBuilder::new(name, "1", "amd64").file(TOOL, 0o755, content)
}

fn diverting(preinst: &str) -> DebBuilder {
    tool("zz-own", "own\n").script("preinst", &format!("#!/bin/sh\nset -e\n{preinst}"))
}

const DIVERSION: &str = "dpkg-divert --package zz-own --add --rename --divert /usr/bin/tool.real /usr/bin/tool\n";

#[test]
fn a_preinst_diverts_before_its_files_come() {
    for (other, depends) in [("aa-other", "aa-other"), ("zzz-other", "")] {
        let mut own = diverting(DIVERSION);
        if !depends.is_empty() {
            own = own.field("Pre-Depends", depends);
        }
        let other = tool(other, "other\n");
        let other = if depends.is_empty() { other.field("Pre-Depends", "zz-own") } else { other };
        let tree = built(&world(&[own, other]));
        assert_eq!(text(&tree, TOOL).as_deref(), Some("own\n"), "{depends}");
        assert_eq!(text(&tree, "/usr/bin/tool.real").as_deref(), Some("other\n"), "{depends}");
        let noted = text(&tree, "/var/lib/dpkg/diversions");
        assert_eq!(noted.as_deref(), Some("/usr/bin/tool\n/usr/bin/tool.real\nzz-own\n"), "{depends}");
    }
}

/// What asks dpkg first sees the packages that are there by then, and no others.
#[test]
fn a_preinst_finds_the_packages_before_it() {
    let asking =
        format!("if dpkg-query -W aa-other >/dev/null && ! dpkg-query -W zzz >/dev/null 2>&1; then\n{DIVERSION}fi\n");
    let own = diverting(&asking).field("Pre-Depends", "aa-other");
    let last = DebBuilder::new("zzz", "1", "amd64").field("Pre-Depends", "zz-own");
    let tree = built(&world(&[own, tool("aa-other", "other\n"), last]));
    assert_eq!(text(&tree, TOOL).as_deref(), Some("own\n"));
}

#[test]
fn two_packages_with_one_file_clash_still() {
    let later = DIVERSION.replace("--package zz-own", "--package nobody");
    for preinst in ["true\n", "echo dpkg-divert\n", &later, &format!("unknown-command\n{DIVERSION}")] {
        let own = diverting(preinst).field("Pre-Depends", "aa-other");
        let said = refusal(&world(&[own, tool("aa-other", "other\n")]));
        assert!(said.contains("it is also in package `aa-other`"), "{preinst}: {said}");
    }
}
