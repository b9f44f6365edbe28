//! Roots in memory from any server: what the recipe says, what nodes boot with, and what their initramfs makes of it.

use std::collections::BTreeSet;
use std::process::Command;

use imgbuild::recipe::RootMode;

use crate::head::assemble_in_memory;
use crate::head::example;
use crate::head::loaders;
use crate::head::text;

#[test]
fn nodes_in_memory_are_told_of_all_servers() {
    let mut recipe = example();
    let diskless = recipe.diskless.as_mut().expect("it is");
    diskless.sources = vec!["http://cache-1".into(), "http://10.0.0.9:8080/images".into()];
    recipe.nodes[1].root = Some(RootMode::Ram);
    let files = assemble_in_memory(&recipe, &loaders()).expect("it is whole");
    let menu = |mac: &str| {
        let path =
            files.iter().map(|(path, ..)| path.to_string()).find(|path| path.ends_with(&format!("pxelinux/01-{mac}")));
        text(&files, &path.expect("it has an entry"))
    };
    let of_ram = menu("00-21-97-7a-24-0f");
    let words = "root.erofs imgbuild.source=http://cache-1 imgbuild.source=http://10.0.0.9:8080/images ro ";
    assert!(of_ram.contains(words), "{of_ram}");
    assert!(!menu("00-21-97-7d-ad-bf").contains("imgbuild.source"), "what is mounted comes from the head");
    let cache = text(&files, "etc/imgbuild/cache-nginx.conf");
    assert!(
        cache.contains("proxy_pass http://192.168.1.1:8067;\n") && cache.contains("proxy_cache_lock on;\n"),
        "{cache}"
    );
    let plain = assemble_in_memory(&example(), &loaders()).expect("it is whole");
    assert!(plain.lookup("/etc/imgbuild/cache-nginx.conf").is_none());
}

/// The initramfs' own words, with a `wget` that has a file of its own for each server.
#[expect(clippy::disallowed_methods, reason = "the script of the initramfs is what is tested")]
fn fetch(sources: &[&str]) -> (bool, Vec<String>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/initramfs/scripts/imgbuild");
    let place = tempfile::tempdir().expect("the tests can write");
    let test = r#"
. "$1"
ib_say() { echo "say $*"; }
ib_complain() { echo "complain $*"; }
wget() {
    echo "get $6" >&3
    case $6 in
    http://good*) echo image >"$5" ;;
    http://bad*) echo other >"$5" ;;
    *) echo "wget: no server"; return 1 ;;
    esac
}
exec 3>&1
ib_image=$2/image ib_sha256=$(echo image | sha256sum | cut -d ' ' -f 1) ib_sources=$3
if ib_from_sources http://head:8067/x/id/root.erofs; then cat "$ib_image"; else [ ! -e "$ib_image" ] || echo left; exit 1; fi
"#;
    let mut command = Command::new("sh");
    command.args(["-euc", test, "sh", script]).arg(place.path()).arg(sources.join(" "));
    let output = command.output().expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    (output.status.success(), said)
}

#[test]
fn servers_are_asked_in_any_order_and_the_digest_decides() {
    let mut first = BTreeSet::new();
    for _ in 0..40 {
        let (found, said) = fetch(&["http://dead", "http://bad/images/", "http://good"]);
        assert!(found, "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some("image"), "{said:?}");
        assert!(said.contains(&"say image from http://good/x/id/root.erofs".to_owned()), "{said:?}");
        let asked: Vec<&String> = said.iter().filter(|line| line.starts_with("get ")).collect();
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len(), "each once: {said:?}");
        first.insert(asked[0].clone());
    }
    assert_eq!(first.len(), 3, "{first:?}");
    let (found, said) = fetch(&["http://dead", "http://bad/images/"]);
    assert!(!found && !said.contains(&"left".to_owned()), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("complain wanted http://bad/images/x/id/root.erofs with sha256 ")));
    assert!(said.iter().any(|line| line.contains("got 'wget: no server', asking the next server")), "{said:?}");
    assert_eq!(fetch(&[]), (false, Vec::new()));
}
