//! PostgreSQL's own programs, which are in Perl, as far as an image without clusters needs them.

use super::made::Made;
use super::own::NOTHING;
use super::own::Own;
use super::own::cleared;
use super::package::Action::Remove;
use super::package::Package;
use crate::configure::tools::later;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        // Warns of the builder's kernel.
        ("pg_checksystem", |_| Ok(0)),
        ("pg_conftool", pg_conftool),
        ("pg_createcluster", later::leave_to_first_boot),
        ("pg_lsclusters", pg_lsclusters),
        ("pg_updatedicts", pg_updatedicts),
    ],
    own: &[Own {
        left: &[
            cleared(
                "/var/lib/postgresql",
                "a cluster has a random id",
                "`imgbuild-postgresql-data.service` on the node that runs PostgreSQL",
            ),
            cleared(
                "/etc/postgresql",
                "a cluster's configuration is made with it, and names its directories",
                "`imgbuild-postgresql-data.service` on the node that runs PostgreSQL",
            ),
        ],
        ..NOTHING
    }],
    made: &[Made {
        package: "postgresql-common",
        what: "PostgreSQL's dictionaries, of hunspell's",
        from: &["usr/share/hunspell/*.aff", "usr/share/myspell/dicts/*.aff"],
        make: "pg_updatedicts",
        units: &[],
        gone: &[
            "var/cache/postgresql/dicts/*",
            "usr/share/postgresql/*/tsearch_data/*.affix",
            "usr/share/postgresql/*/tsearch_data/*.dict",
        ],
        emptied: &[],
    }],
    directories: &["/usr/share/postgresql-common"],
    leaves: &[(Remove, &["var/log/postgresql/*"], "say when the image was built")],
    ..Package::of("postgresql-common")
};

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

/// Makes the directory of PostgreSQL's dictionaries; converting those of other packages is left to a node.
fn pg_updatedicts(call: &mut Call<'_, '_>) -> Done {
    let made = call.run(&[b"mkdir".to_vec(), b"-p".to_vec(), b"/var/cache/postgresql/dicts".to_vec()])?;
    let dictionaries = ["/usr/share/hunspell", "/usr/share/myspell/dicts"];
    let tree = call.tree();
    let any = dictionaries
        .iter()
        .filter_map(|directory| tree.lookup(directory))
        .any(|(directory, _)| tree.children(&directory).any(|(path, _)| path.name().ends_with(b".aff")));
    if made == 0 && any { later::leave_to_first_boot(call) } else { Ok(made) }
}
