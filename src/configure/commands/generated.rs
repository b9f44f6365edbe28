//! Programs whose work is done once for the whole tree, by [`generators`](crate::configure::generators), and those
//! that make what is never in an image.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::show;
use crate::configure::generators;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("dbus-uuidgen", dbus_uuidgen),
    ("depmod", |call| call.defer()),
    ("gio-querymodules", |call| no_input(call, b".so")),
    ("glib-compile-schemas", |call| no_input(call, b".xml")),
    ("ldconfig", |call| call.defer()),
    ("openssl", openssl),
    ("make-ssl-cert", make_ssl_cert),
    ("mandb", |_| Ok(0)),
    ("mariadb-install-db", |call| call.leave_to_first_boot()),
    ("mkinitramfs", |_| Ok(0)),
    ("mungekey", |call| call.leave_to_first_boot()),
    ("pam-auth-update", |call| call.defer()),
    ("perl", perl),
    // PostgreSQL's own programs, in Perl: one warns of the builder's kernel, one lists clusters, of which an image
    // has none.
    ("pg_checksystem", |_| Ok(0)),
    ("pg_conftool", pg_conftool),
    ("pg_createcluster", |call| call.leave_to_first_boot()),
    ("pg_lsclusters", pg_lsclusters),
    ("pg_updatedicts", pg_updatedicts),
    ("py3clean", |_| Ok(0)),
    ("py3compile", |_| Ok(0)),
    ("python3", python),
    ("python3.11", python),
    ("python3.13", python),
    ("ssh-keygen", |call| call.leave_to_first_boot()),
    ("update-catalog", update_catalog),
    ("update-initramfs", |_| Ok(0)),
];

/// The machine's id is each node's own.
fn dbus_uuidgen(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [ensure] if ensure.starts_with(b"--ensure") => call.leave_to_first_boot(),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// A program that makes a cache of the files in the directories that it is given: without such files it makes none.
fn no_input(call: &mut Call<'_, '_>, suffix: &[u8]) -> Done {
    for directory in call.args.iter().filter(|word| !word.starts_with(b"-")) {
        let path = call.absolute(directory);
        let tree = call.tree();
        let Some((directory, _)) = tree.lookup(&path) else { continue };
        if let Some((found, _)) = tree.children(&directory).find(|(path, _)| path.name().ends_with(suffix)) {
            return Err(Fault::gap(format!("has to read {found}")));
        }
    }
    Ok(0)
}

/// The certificate that stands for one until there is a real one has a private key.
fn make_ssl_cert(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [what] if what == b"generate-default-snakeoil" => call.leave_to_first_boot(),
        args => Err(Fault::gap(show(&args.join(&b' ')))),
    }
}

/// Byte code is not in an image: it differs from run to run.
fn python(call: &mut Call<'_, '_>) -> Done {
    let program = call.args.iter().find(|word| !word.starts_with(b"-"));
    match program {
        Some(program) if program.ends_with(b"/py_compile.py") => Ok(0),
        _ => Err(Fault::gap("a program in Python")),
    }
}

/// `pg_conftool FILE show -bs NAME`: the value of a setting, when the file has it.
fn pg_conftool(call: &mut Call<'_, '_>) -> Done {
    let [file, show_verb, brief, name] = call.args else { return Err(Fault::gap(show(&call.args.join(&b' ')))) };
    if show_verb != b"show" || brief != b"-bs" {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let text = show(&call.read(file)?);
    let setting = |line: &str| {
        let (key, value) = line.split('#').next()?.split_once('=')?;
        (key.trim().as_bytes() == name).then(|| value.trim().trim_matches('\'').to_owned())
    };
    match text.lines().filter_map(setting).next_back() {
        Some(value) => call.out(value + "\n").map(|()| 0),
        None => Ok(1),
    }
}

/// `update-catalog --update-super`: the SGML catalog of all catalogs (update-catalog(8)).
fn update_catalog(call: &mut Call<'_, '_>) -> Done {
    let words: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).filter(|word| *word != b"--quiet").collect();
    if words != [b"--update-super"] {
        return Err(Fault::gap(show(&words.join(&b' '))));
    }
    let mut text = String::from(
        "--\n## This file is created by update-catalog with update-super.\n## Please see update-catalog(8) for how to \
         modify this file.\n--\n",
    );
    let tree = call.tree();
    if let Some((directory, _)) = tree.lookup("/etc/sgml") {
        let names = tree.children(&directory).map(|(path, _)| show(path.name()));
        names
            .filter(|name| name.ends_with(".cat") && !name.starts_with('.'))
            .for_each(|name| text.push_str(&format!("CATALOG /etc/sgml/{name}\n")));
    }
    let old = b"/var/lib/sgml-base/supercatalog".as_slice();
    if call.look(old, true).is_some() {
        call.run(&[b"mv".to_vec(), old.to_vec(), [old, b".old"].concat()])?;
    }
    call.write(old, 0o666, text.into_bytes())?;
    Ok(0)
}

/// Of an image without clusters it is only the head of the table.
fn pg_lsclusters(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("hj", &[("no-header", b'h')])?;
    if given.has(b'j') {
        return Err(Fault::gap("-j"));
    }
    if !given.has(b'h') {
        call.out("Ver Cluster Port Status Owner Data directory Log file\n")?;
    }
    Ok(0)
}

/// Converts the dictionaries of other packages; without any it only makes the directory for them.
fn pg_updatedicts(call: &mut Call<'_, '_>) -> Done {
    let tree = call.tree();
    if let Some((directory, _)) = tree.lookup("/usr/share/hunspell")
        && let Some((found, _)) = tree.children(&directory).next()
    {
        return Err(Fault::gap(format!("has to convert {found}")));
    }
    call.run(&[b"mkdir".to_vec(), b"-p".to_vec(), b"/var/cache/postgresql/dicts".to_vec()])
}

/// Scripts ask whether there is a perl that runs; and bookworm's ucf makes a regular expression of a path.
fn perl(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [e, text] if e == b"-e" && text.is_empty() => Ok(0),
        [nle, text] if nle == b"-nle" && text == br#"print "\Q$_\E\n""# => {
            let mut quoted = Vec::new();
            for line in call.input()?.split_inclusive(|&byte| byte == b'\n') {
                for &byte in line.strip_suffix(b"\n").unwrap_or(line) {
                    let plain = byte.is_ascii_alphanumeric() || byte == b'_';
                    quoted.extend(if plain { &b""[..] } else { b"\\" });
                    quoted.push(byte);
                }
                quoted.extend(b"\n\n");
            }
            call.out(quoted).map(|()| 0)
        }
        _ => Err(Fault::gap("a program in Perl")),
    }
}

/// `openssl rehash`: the only thing that scripts of an image ask of it without making a secret.
fn openssl(call: &mut Call<'_, '_>) -> Done {
    let [verb, rest @ ..] = call.args else { return Err(Fault::gap("without a command")) };
    if verb != b"rehash" {
        return Err(Fault::gap(show(verb)));
    }
    let directories: Vec<&Vec<u8>> = rest.iter().filter(|word| !word.starts_with(b"-")).collect();
    let here = b".".to_vec();
    for directory in if directories.is_empty() { vec![&here] } else { directories } {
        let path = call.absolute(directory);
        generators::certificates::rehash(call.tree(), &show(&path))?;
    }
    Ok(0)
}
