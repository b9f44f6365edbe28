//! apt-cacher-ng, which is asked for its settings by its scripts.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("acngtool", acngtool), ("apt-config", apt_config)],
    libraries: &["/apt-cacher-ng"],
    ..Package::of("apt-cacher-ng")
};

/// `apt-config dump`, in which apt-cacher-ng's script looks for a proxy alone: apt has none of itself.
fn apt_config(call: &mut Call<'_, '_>) -> Done {
    let gap = |what: &str| Err(Fault::gap(what));
    if call.args != [b"dump"] || call.shell.system.package != "apt-cacher-ng" {
        return gap(&show(&call.args.join(&b' ')));
    }
    let mut files = vec![b"/etc/apt/apt.conf".to_vec()];
    if let Ok(place) = call.resolve(b"/etc/apt/apt.conf.d", true) {
        files.extend(call.tree().children(&place).map(|(path, _)| format!("/{path}").into_bytes()));
    }
    files.retain(|file| call.look(file, true).is_some());
    let text = show(&call.read_all(&files)?).to_ascii_lowercase();
    if text.contains("proxy") { gap("a proxy among apt's settings") } else { Ok(0) }
}

/// `acngtool printvar NAME -c DIRECTORY`: a setting of apt-cacher-ng, of the last of its files that has it. `acngtool
/// SETTING… curl URL…`: while an image is made there is no network, and the script has a list for that.
fn acngtool(call: &mut Call<'_, '_>) -> Done {
    if call.args.iter().find(|word| !word.contains(&b'=')).is_some_and(|verb| verb == b"curl") {
        call.err("no network")?;
        return Ok(1);
    }
    let [verb, name, option, directory] = call.args else { return Err(Fault::gap(show(&call.args.join(&b' ')))) };
    if verb != b"printvar" || option != b"-c" {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let place = call.resolve(directory, true)?;
    let files = call.tree().children(&place).filter(|(path, _)| path.name().ends_with(b".conf"));
    let files: Vec<Vec<u8>> = files.map(|(path, _)| path.to_string().into_bytes()).collect();
    let text = show(&call.read_all(&files)?);
    let setting = |line: &str| {
        let (key, value) = line.trim().split_once([':', '='])?;
        key.trim_end().eq_ignore_ascii_case(&show(name)).then(|| value.trim().to_owned())
    };
    match text.lines().filter_map(setting).next_back() {
        Some(value) => call.out(value + "\n").map(|()| 0),
        None => Ok(1),
    }
}
