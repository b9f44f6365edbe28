//! Archives that are not for everybody: behind a login, and in directories of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use imgbuild::testing::http::HttpServer;
use imgbuild::testing::http::Request;
use imgbuild::testing::http::Step;
use imgbuild::testing::http::answer;
use imgbuild::testing::http::file_answer;

use crate::hostile::World;
use crate::hostile::files;
use crate::hostile::simple;

/// `a:hunter2` in Base64.
const BASIC: &str = "Basic YTpodW50ZXIy";

/// Builds; gives the exit code and what was said on standard error.
#[expect(clippy::disallowed_methods, reason = "the program is what is tested")]
fn build(place: &Path, mirror: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgbuild"));
    command.args(["build", "small.toml", "--output", "out", "--again", "--mirror", mirror]).args(arguments);
    command.current_dir(place).env_clear().envs(environment.iter().copied());
    command.env("XDG_STATE_HOME", place.join("state")).env("XDG_CACHE_HOME", place.join("cache"));
    let output = command.output().expect("the program starts");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A server that answers who has the login; packages it has from another one.
fn private(elsewhere: &Arc<HttpServer>) -> HttpServer {
    let (files, other) = (simple().build(), elsewhere.url("pool"));
    HttpServer::new(move |request: &Request| {
        if request.header("authorization") != Some(BASIC) {
            return vec![Step::Send(answer("401 Unauthorized", &["Content-Length: 0"], b""))];
        }
        let path = request.path.trim_start_matches("/debian/");
        vec![Step::Send(match files.get(path) {
            Some(_) if path.ends_with(".deb") => {
                let location = format!("Location: {other}/{path}");
                answer("302 Found", &[&location, "Content-Length: 0"], b"")
            }
            Some(bytes) => file_answer(bytes, request),
            None => answer("404 Not Found", &["Content-Length: 0"], b""),
        })]
    })
}

#[test]
fn case_140_a_login_goes_to_its_server_and_nowhere_else() {
    let world = World::new(&simple());
    let place = world.place.path();
    let packages = simple().build();
    let elsewhere = Arc::new(HttpServer::new(move |request: &Request| {
        let bytes = packages.get(request.path.trim_start_matches("/pool/")).expect("a package");
        vec![Step::Send(file_answer(bytes, request))]
    }));
    let server = private(&elsewhere);
    let mirror = server.url("debian");

    let (code, said) = build(place, &mirror, &[], &[]);
    assert!(code == 1 && said.contains("401") && said.contains("IMGBUILD_AUTH_FILE"), "{code}: {said}");
    // Without a scheme it is for https, and this is none.
    let plain = mirror.replace("http://", "");
    let (code, said) =
        build(place, &mirror, &[], &[("IMGBUILD_AUTH", &format!("machine {plain} login a password hunter2"))]);
    assert!(code == 1 && !said.contains("hunter2"), "{code}: {said}");
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));

    let login = format!("machine {mirror} login a password hunter2");
    let (code, said) = build(place, &mirror, &[], &[("IMGBUILD_AUTH", &login)]);
    assert_eq!(code, 0, "{said}");
    let asked = elsewhere.requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.header("authorization").is_none()), "{asked:?}");
    for path in files(place) {
        let bytes = fs::read(&path).expect("it can be read");
        let shown = String::from_utf8_lossy(&bytes);
        assert!(!shown.contains("hunter2") && !shown.contains("YTpodW50ZXIy"), "{}", path.display());
    }

    let file = place.join("logins");
    fs::write(&file, &login).expect("written");
    let path = file.to_str().expect("text");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let (code, said) = build(place, &mirror, &[], &[("IMGBUILD_AUTH_FILE", path)]);
    assert!(code == 2 && said.contains("chmod 600"), "{code}: {said}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    assert_eq!(build(place, &mirror, &[], &[("IMGBUILD_AUTH_FILE", path)]).0, 0);
    let (code, said) = build(place, &mirror, &[], &[("IMGBUILD_AUTH", "machine x hunter2 y")]);
    assert!(code == 2 && said.contains("IMGBUILD_AUTH") && !said.contains("hunter2"), "{code}: {said}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "mkfifo(1) makes the pipe")]
fn case_141_a_directory_is_an_archive_and_no_more_believed_than_a_server() {
    let world = World::new(&simple());
    let place = world.place.path();
    let archive = place.join("archive");
    for (path, bytes) in simple().build() {
        let path = archive.join(path);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, bytes).expect("written");
    }
    let mirror = format!("file://{}", archive.display());
    let (code, said) = build(place, &mirror, &["--offline"], &[]);
    assert_eq!(code, 0, "{said}");
    assert!(fs::read_to_string(place.join("out/tree.txt")).expect("built").contains("/usr/share/hello/greeting"));

    let deb = files(&archive).into_iter().find(|path| path.extension().is_some_and(|end| end == "deb")).expect("there");
    let mut bytes = fs::read(&deb).expect("there");
    bytes[100] ^= 1;
    fs::write(&deb, bytes).expect("written");
    fs::remove_dir_all(place.join("cache")).expect("it was made");
    let (code, said) = build(place, &mirror, &[], &[]);
    assert!(code == 3 && said.contains("is not the file that was signed for"), "{code}: {said}");
    // What nobody writes to holds up no build.
    let release = archive.join("dists/test/InRelease");
    fs::remove_file(&release).expect("there");
    let made = Command::new("mkfifo").arg(&release).status().expect("it starts");
    assert!(made.success());
    let (code, said) = build(place, &mirror, &[], &[]);
    assert!(code == 1 && said.contains("no regular file"), "{code}: {said}");
}
