//! What `.ci/release` is told is there: the files of the Debian package, and a recipe of the container that is one.

use std::fs;
use std::path::Path;

use imgbuild::recipe;
use imgbuild::recipe::Base;
use imgbuild::recipe::PackageRequest;
use imgbuild::testing::DebBuilder;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Those below `target` the script makes; `cargo deb` fails where one lacks.
#[test]
#[expect(clippy::disallowed_methods, reason = "only whether any is there matters")]
fn the_debian_package_has_files_that_are_there() {
    let manifest: toml::Table =
        fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("there").parse().expect("TOML");
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().expect("a list");
    let sources = assets.iter().map(|asset| asset[0].as_str().expect("a path"));
    let sources: Vec<&str> = sources.filter(|source| !source.starts_with("target/")).collect();
    for source in &sources {
        let (directory, name) = source.rsplit_once('/').unwrap_or(("", source));
        let is_meant = |found: &str| match name.split_once('*') {
            Some((start, end)) => found.starts_with(start) && found.ends_with(end),
            None => found == name,
        };
        let mut entries = fs::read_dir(Path::new(ROOT).join(directory)).expect("its directory is there");
        assert!(
            entries.any(|entry| is_meant(&entry.expect("listed").file_name().to_string_lossy())),
            "{source} is not there"
        );
    }
    assert!(sources.len() > 5, "{sources:?}");
}

#[test]
fn the_container_has_a_recipe() {
    let text = fs::read_to_string(Path::new(ROOT).join(".ci/container.toml")).expect("there");
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("imgbuild.deb"), DebBuilder::new("imgbuild", "1-1", "amd64").build()).expect("written");
    let recipe = recipe::parse(&text, place.path()).expect("a recipe");
    assert_eq!((recipe.install.base, recipe.name.as_str()), (Base::Nothing, "imgbuild"));
    let names: Vec<&str> = recipe.packages.iter().filter_map(PackageRequest::name).collect();
    assert_eq!(recipe.packages.len(), names.len() + 1, "one is the program's own: {names:?}");
}
