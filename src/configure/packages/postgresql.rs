//! PostgreSQL's own programs, which are in Perl, as far as an image without clusters needs them.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    // Warns of the builder's kernel.
    ("pg_checksystem", |_| Ok(0)),
    ("pg_conftool", pg_conftool),
    ("pg_lsclusters", pg_lsclusters),
    ("pg_updatedicts", pg_updatedicts),
];

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
