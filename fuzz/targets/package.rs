//! Invariants under test: a stanza of an index that is accepted as a package has a file below its archive, a digest, a
//! size, and names that are words; its relations are written and read back as themselves.
#![no_main]

use imgbuild::deb::Package;
use imgbuild::deb::format_relations;
use imgbuild::deb::parse_relations;
use imgbuild::deb::stanzas;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for stanza in stanzas(input).map_while(Result::ok) {
        let Ok(package) = Package::from_index(&stanza, 0) else { continue };
        // The underscore is none of Policy's, but dpkg takes it.
        let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte));
        assert!(word(&package.name) && word(&package.source) && word(&package.architecture), "{package:?}");
        assert!(package.size > 0 && package.archive == Some(0));
        // Some archives of one's own begin with the directory itself.
        let filename = package.filename.strip_prefix("./").unwrap_or(&package.filename);
        let parts: Vec<&str> = filename.split('/').collect();
        assert!(!parts.iter().any(|part| ["", ".", ".."].contains(part)), "{}", package.filename);
        assert!(!package.filename.contains("%2e") && !package.filename.contains("%2E"), "{}", package.filename);
        for relations in [&package.pre_depends, &package.depends, &package.recommends, &package.conflicts] {
            let text = format_relations(relations);
            assert_eq!(parse_relations(&text).as_ref(), Ok(relations), "{text}");
        }
        assert_eq!(package.check_control(&package), Ok(()));
    }
});
