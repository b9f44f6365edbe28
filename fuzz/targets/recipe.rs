//! Invariants under test: a recipe is read the same twice; one that is accepted names nothing outside its grammar; what
//! is said of one that is not can be shown on a terminal.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use imgbuild::recipe;
use imgbuild::recipe::PackageRequest;
use libfuzzer_sys::fuzz_target;

/// A directory of this process, with a file that a recipe may name.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = std::env::temp_dir().join(format!("imgbuild-fuzz-recipe-{}", std::process::id()));
    std::fs::create_dir_all(&place).expect("a directory");
    std::fs::write(place.join("file"), "content").expect("written");
    place
});

fuzz_target!(|input: &[u8]| {
    let path = PLACE.join("recipe.toml");
    std::fs::write(&path, input).expect("written");
    match (recipe::load(&path), recipe::load(&path)) {
        (Ok(first), Ok(second)) => {
            assert_eq!((first.digest, first.selection), (second.digest, second.selection));
            let plain = |text: &str| {
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._~/:".contains(&byte))
            };
            assert!(plain(&first.name) && !first.name.contains('/') && !first.name.starts_with(['-', '.']));
            assert!(plain(&first.debian.suite) && !first.debian.suite.split('/').any(|part| part == ".."));
            for package in &first.packages {
                if let PackageRequest::Named { name, .. } = package {
                    assert!(plain(name) && !name.starts_with('-'), "{name:?}");
                }
            }
        }
        (Err(first), Err(second)) => {
            let text = first.to_string();
            assert_eq!(text, second.to_string());
            assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
        }
        (first, second) => panic!("{first:?}, then {second:?}"),
    }
});
