//! dpkg-query(1), also as dpkg(1) calls it: which packages there are, how far each is, and whose a path is. A first word that
//! is no option ends the options, as in all of dpkg's programs.

use std::collections::BTreeMap;

use super::database::Database;
use super::diversions;
use super::selection::Specifier;
use super::selection::matching;
use super::selection::name_of;
use super::selection::one;
use super::words;
use crate::deb::Stanza;
use crate::deb::kept;
use crate::format::glob::Pattern;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

const STATUS: &[u8] = b"/var/lib/dpkg/status";

/// What is asked, by the names of the option.
const ACTIONS: [(&str, &str, Action); 7] = [
    ("-s", "--status", status),
    ("-L", "--listfiles", list_files),
    ("-l", "--list", list),
    ("-S", "--search", search),
    ("-W", "--show", show_fields),
    ("-c", "--control-path", control_path),
    ("", "--control-show", control_show),
];

type Action = fn(&mut Call<'_, '_>, &Asked<'_>) -> Done;

/// One question.
struct Asked<'a> {
    packages: Vec<&'a [u8]>,
    format: Option<&'a [u8]>,
}

/// Whether a word asks dpkg-query something.
pub(super) fn is_action(word: &[u8]) -> bool {
    action(word).is_some_and(|(_, long, _)| !matches!(long, "--show" | "--control-path" | "--control-show"))
}

fn action(word: &[u8]) -> Option<(&'static str, &'static str, Action)> {
    ACTIONS.into_iter().find(|(short, long, _)| word == short.as_bytes() || word == long.as_bytes())
}

pub(super) fn query(call: &mut Call<'_, '_>) -> Done {
    let args = words(call);
    let mut asked = Asked { packages: Vec::new(), format: None };
    let mut wanted: Option<(&str, &str, Action)> = None;
    let mut rest = args.iter();
    while let Some(&word) = rest.next() {
        match word {
            b"--" => {
                asked.packages.extend(rest.by_ref());
            }
            b"--no-pager" => {}
            b"-f" | b"--showformat" => match rest.next() {
                Some(format) => asked.format = Some(format),
                None => return Err(Fault::Failed(2, format!("error: {} option takes a value", show(word)))),
            },
            // A format and the option that asks for it in one word.
            b"-Wf" => {
                (wanted, asked.format) = (action(b"-W"), rest.next().copied());
            }
            _ if word.starts_with(b"-f") || word.starts_with(b"--showformat=") => {
                let at = if word.starts_with(b"-f") { 2 } else { "--showformat=".len() };
                let value = &word[at..];
                asked.format = Some(if at == 2 { value.strip_prefix(b"=").unwrap_or(value) } else { value });
            }
            _ if word.starts_with(b"-") && word.len() > 1 => match (action(word), wanted) {
                (None, _) => return super::not_known(&args),
                (Some((_, one, _)), Some((_, other, _))) if one != other => {
                    return Err(Fault::Failed(2, format!("error: conflicting actions {one} and {other}")));
                }
                (found, _) => wanted = found,
            },
            _ => {
                asked.packages.push(word);
                asked.packages.extend(rest.by_ref());
            }
        }
    }
    if asked.format.is_some_and(<[u8]>::is_empty) {
        return Err(Fault::failed("error in show format: may not be empty string"));
    }
    match wanted {
        Some((_, _, action)) => action(call, &asked),
        None => Err(Fault::Failed(2, "error: need an action option".into())),
    }
}

/// dpkg's database by now: kept beside the file while packages are configured, or else the file.
fn installed(call: &mut Call<'_, '_>) -> Result<String, Fault> {
    let kept = call.shell.system.kept::<Database>();
    if !kept.is_empty() {
        let text = kept.text();
        call.shell.system.budget.read(text.len())?;
        return Ok(text);
    }
    let text = if call.look(STATUS, true).is_some() { call.read(STATUS)? } else { Vec::new() };
    let read = Database::parse(&text);
    read.map(|database| database.text()).map_err(|error| Fault::Failed(2, format!("error: the status file: {error}")))
}

fn complain(call: &mut Call<'_, '_>, unused: &[String]) -> Done {
    for pattern in unused {
        call.err(&format!("no packages found matching {pattern}"))?;
    }
    Ok(i32::from(!unused.is_empty()))
}

fn status(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    let text = installed(call)?;
    if asked.packages.is_empty() {
        return call.out(&text).map(|()| 0);
    }
    let mut code = 0;
    for (at, package) in asked.packages.iter().enumerate() {
        match one(&text, package, "status")? {
            Some(stanza) => call.out(format!("{}\n", stanza.text().trim_end()))?,
            None => {
                call.err(&format!("package '{}' is not installed and no information is available", show(package)))?;
                code = 1;
            }
        }
        call.out(if at + 1 < asked.packages.len() { "\n" } else { "" })?;
    }
    Ok(code)
}

fn info_file(stanza: &Stanza<'_>, suffix: &str) -> String {
    format!("/var/lib/dpkg/info/{}.{suffix}", name_of(stanza))
}

/// The files that a package has by now: those of one whose preinst runs are still to come.
fn files_of(call: &mut Call<'_, '_>, stanza: &Stanza<'_>) -> Result<Vec<u8>, Fault> {
    match stanza.get("Status") {
        Some("install reinstreq half-installed") => Ok(Vec::new()),
        _ => {
            let path = info_file(stanza, "list");
            if call.look(path.as_bytes(), true).is_some() { call.read(path.as_bytes()) } else { Ok(Vec::new()) }
        }
    }
}

/// Whether a package that is there has a path in its list.
pub(super) fn brings(call: &mut Call<'_, '_>, package: &[u8], path: &[u8]) -> Result<bool, Fault> {
    let text = installed(call)?;
    let specifier = Specifier::new(package);
    for stanza in kept(text.as_bytes()).flatten().filter(|stanza| specifier.fits(stanza)) {
        if files_of(call, &stanza)?.split(|&byte| byte == b'\n').any(|line| line == path) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn list_files(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    if asked.packages.is_empty() {
        return Err(Fault::Failed(2, "error: --listfiles needs at least one package name argument".into()));
    }
    let text = installed(call)?;
    let diversions = diversions(call)?;
    let mut code = 0;
    for (at, package) in asked.packages.iter().enumerate() {
        match one(&text, package, "listfiles")? {
            Some(stanza) => {
                let own = stanza.get("Package").unwrap_or_default().as_bytes();
                let mut lines = Vec::new();
                let files = files_of(call, &stanza)?;
                for file in files.split(|&byte| byte == b'\n').filter(|file| !file.is_empty()) {
                    lines.extend([file, b"\n"].concat());
                    let Some(one) = diversions.iter().find(|one| one.from == file) else { continue };
                    let to = show(&one.to);
                    let line = match one.by.as_slice() {
                        b":" => format!("locally diverted to: {to}\n"),
                        by if by == own => format!("package diverts others to: {to}\n"),
                        by => format!("diverted by {} to: {to}\n", show(by)),
                    };
                    lines.extend(line.into_bytes());
                }
                if lines.is_empty() {
                    lines = format!("Package '{}' does not contain any files (!)\n", show(package)).into_bytes();
                }
                call.out(lines)?;
            }
            None => {
                call.err(&format!("package '{}' is not installed", show(package)))?;
                code = 1;
            }
        }
        call.out(if at + 1 < asked.packages.len() { "\n" } else { "" })?;
    }
    Ok(code)
}

/// A table, whose columns are as wide as what is in them where nobody looks at it on a terminal.
fn list(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    let text = installed(call)?;
    let (rows, unused) = matching(&text, &asked.packages, |stanza| {
        let field = |name| stanza.get(name).filter(|value| !value.is_empty());
        let summary = field("Description").and_then(|text| text.lines().next());
        let summary = summary.unwrap_or("(no description available)").to_owned();
        let or_none = |name| field(name).unwrap_or("<none>").to_owned();
        let state = abbreviation(stanza.get("Status").unwrap_or_default());
        Ok((state, [name_of(stanza), or_none("Version"), or_none("Architecture"), summary]))
    })?;
    let mut widths = [14, 12, 12, 33];
    for (_, row) in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    let [name, version, architecture, _] = widths;
    if !rows.is_empty() {
        let rule = widths.map(|width| "=".repeat(width)).join("-");
        call.out(format!(
            "Desired=Unknown/Install/Remove/Purge/Hold\n\
             | Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n\
             |/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n\
             ||/ {:name$} {:version$} {:architecture$} Description\n+++-{rule}\n",
            "Name", "Version", "Architecture"
        ))?;
    }
    for (state, [package, its_version, its_architecture, summary]) in &rows {
        let line =
            format!("{state} {package:name$} {its_version:version$} {its_architecture:architecture$} {summary}\n");
        call.out(line)?;
    }
    complain(call, &unused)
}

/// `ii ` and the like, as `db:Status-Abbrev` has it.
fn abbreviation(status: &str) -> &'static str {
    match status {
        "install ok installed" => "ii ",
        "install ok half-configured" => "iF ",
        "install ok triggers-awaited" => "iW ",
        "install ok triggers-pending" => "it ",
        "install reinstreq half-installed" => "iHR",
        "unknown ok not-installed" => "un ",
        _ => "iU ",
    }
}

/// A pattern without wildcards and without a slash in front is looked for anywhere in a path. A line names all packages that
/// have the path, after lines on its diversion.
fn search(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    if asked.packages.is_empty() {
        return Err(Fault::Failed(2, "error: --search needs at least one file name pattern argument".into()));
    }
    let text = installed(call)?;
    let diversions = diversions(call)?;
    let budget = call.shell.system.budget.clone();
    // Where the budget is spent nothing matches, and the next charge says so.
    let fits = |pattern: &Pattern, path: &[u8]| pattern.matches(path, &budget) == Ok(true);
    let mut code = 0;
    for pattern in &asked.packages {
        let trimmed = if pattern.len() > 1 { pattern.strip_suffix(b"/").unwrap_or(pattern) } else { pattern };
        let wild = trimmed.iter().any(|byte| b"*[?\\".contains(byte));
        let sought = if wild || trimmed.starts_with(b"/") { trimmed.to_vec() } else { [b"*", trimmed, b"*"].concat() };
        let whole = Pattern::plain(&sought);
        let mut owners: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
        for one in diversions.iter().flat_map(|one| [&one.from, &one.to]).filter(|path| fits(&whole, path)) {
            owners.entry(one.clone()).or_default();
        }
        for stanza in kept(text.as_bytes()).flatten() {
            let files = files_of(call, &stanza)?;
            call.shell.system.budget.made(files.len())?;
            for file in files.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && fits(&whole, line)) {
                owners.entry(file.to_vec()).or_default().push(name_of(&stanza));
            }
        }
        if owners.is_empty() {
            call.err(&format!("no path found matching pattern {}", show(&sought)))?;
            code = 1;
        }
        for (file, names) in owners {
            if let Some(one) = diversions.iter().find(|one| one.from == file || one.to == file) {
                let by =
                    if one.by == b":" { "local diversion".into() } else { format!("diversion by {}", show(&one.by)) };
                call.out(format!("{by} from: {}\n{by} to: {}\n", show(&one.from), show(&one.to)))?;
            }
            if !names.is_empty() {
                call.out([names.join(", ").as_bytes(), b": ", &file, b"\n"].concat())?;
            }
        }
    }
    Ok(code)
}

/// The installed package and the name of one of its control files.
fn control_file(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Result<Option<String>, Fault> {
    let [package, file] = asked.packages.as_slice() else {
        return Err(Fault::gap("the control files of a package, in the order of a directory"));
    };
    let text = installed(call)?;
    let Some(stanza) = one(&text, package, "control-path")? else {
        return Err(Fault::Failed(2, format!("error: package '{}' is not installed", show(package))));
    };
    let path = info_file(&stanza, &show(file));
    let early = stanza.get("Status").is_some_and(|status| status.ends_with("half-installed"));
    Ok(Some(path).filter(|path| !early && call.look(path.as_bytes(), true).is_some()))
}

fn control_path(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    // Two of the files are dpkg's own, which it shows and does not tell where they are.
    let is_own = matches!(asked.packages.last(), Some(&b"list" | &b"conffiles"));
    let path = control_file(call, asked)?.filter(|_| !is_own).map(|path| format!("{path}\n"));
    call.out(path.unwrap_or_default()).map(|()| 0)
}

fn control_show(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    let Some(path) = control_file(call, asked)? else {
        let name = asked.packages.last().copied().unwrap_or_default();
        return Err(Fault::Failed(2, format!("error: control file '{}' does not exist", show(name))));
    };
    let text = call.read(path.as_bytes())?;
    call.out(text).map(|()| 0)
}

fn show_fields(call: &mut Call<'_, '_>, asked: &Asked<'_>) -> Done {
    let text = installed(call)?;
    let format = asked.format.unwrap_or(b"${binary:Package}\t${Version}\n");
    // What is wrong with the format is told before anything is shown.
    formatted(format, &Stanza::accepted(b"Package: none\n").expect("a field"))?;
    let (lines, unused) = matching(&text, &asked.packages, |stanza| formatted(format, stanza))?;
    for line in lines {
        call.out(line)?;
    }
    complain(call, &unused)
}

/// `${Field}`, `${Field;width}` and the escapes `\n`, `\t`, `\r` of a `--showformat`.
fn formatted(format: &[u8], stanza: &Stanza<'_>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'\\', [letter, more @ ..]) => {
                out.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = more;
            }
            (b'$', [b'{', more @ ..]) => {
                let end = memchr::memchr(b'}', more)
                    .ok_or_else(|| Fault::failed("error in show format: missing closing brace"))?;
                let name = show(&more[..end]);
                let (name, width) =
                    name.split_once(';').map_or((name.as_str(), None), |(name, width)| (name, Some(width)));
                let value = field(name, stanza)?;
                out.extend(width.map_or(Ok(value.clone()), |width| padded(&value, width))?.into_bytes());
                rest = &more[end + 1..];
            }
            _ => out.push(byte),
        }
    }
    Ok(out)
}

/// A value in a width: at its right end, or its left where that is negative, and cut.
fn padded(value: &str, width: &str) -> Result<String, Fault> {
    let digits = width.strip_prefix('-').unwrap_or(width);
    if let Some(wrong) = digits.chars().find(|digit| !digit.is_ascii_digit()) {
        return Err(Fault::failed(format!("error in show format: invalid character '{wrong}' in field width")));
    }
    let size = digits.parse::<u16>().map_err(|_| Fault::gap(format!("a field of the width `{width}`")))?.into();
    if size == 0 {
        return Ok(value.to_owned());
    }
    let cut: String = value.chars().take(size).collect();
    Ok(if width.starts_with('-') { format!("{cut:<size$}") } else { format!("{cut:>size$}") })
}

fn field(name: &str, stanza: &Stanza<'_>) -> Result<String, Fault> {
    let get = |name| stanza.get(name).unwrap_or_default();
    let status: Vec<&str> = get("Status").split(' ').collect();
    Ok(match name {
        "binary:Package" => name_of(stanza),
        "binary:Summary" | "binary:Synopsis" => get("Description").lines().next().unwrap_or_default().to_owned(),
        "source:Package" => {
            get("Source").split(' ').next().filter(|name| !name.is_empty()).unwrap_or(get("Package")).to_owned()
        }
        "db:Status-Abbrev" => abbreviation(get("Status")).to_owned(),
        "db:Status-Status" => status.get(2).copied().unwrap_or_default().to_owned(),
        "db:Status-Want" => status.first().copied().unwrap_or_default().to_owned(),
        "db:Status-Eflag" => status.get(1).copied().unwrap_or_default().to_owned(),
        name if name.contains(':') => return Err(Fault::gap(format!("the field `{name}`"))),
        // Where these are not said, they say `no`.
        name if ["Essential", "Multi-Arch", "Protected"].iter().any(|one| one.eq_ignore_ascii_case(name)) => {
            Some(get(name)).filter(|value| !value.is_empty()).unwrap_or("no").to_owned()
        }
        name => get(name).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::utilities::recorded::says;

    /// Of a package of each state, what dpkg 1.21.22 says.
    #[test]
    fn says_what_dpkg_query_says() {
        let at = |question: &str| {
            format!(
                "mkdir -p /var/lib/dpkg/info\ncat > /var/lib/dpkg/status << 'END'\n{STATUS}END\n\
                 printf '/.\\n/bin\\n/bin/sh\\n' > /var/lib/dpkg/info/dash.list\n\
                 echo /usr/lib/x > /var/lib/dpkg/info/libx:amd64.list\necho '0  x' > /var/lib/dpkg/info/dash.md5sums\n\
                 printf '/bin/sh\\n/bin/sh.distrib\\ndash\\n' > /var/lib/dpkg/diversions\n{question}"
            )
        };
        let cases: &[(&str, &str, i32)] = &[
            ("dpkg-query -W nope", "", 1),
            ("dpkg-query -W libx dash nope early", "dash\t0.5\nearly\t7\nlibx:amd64\t1.0-2\n", 1),
            ("dpkg-query -W bash", "bash\t\n", 0),
            ("dpkg-query -W nowhere", "", 1),
            ("dpkg-query -W 'ba*' 'd?sh'", "base\t\nbash\t\ndash\t0.5\n", 0),
            ("dpkg-query -W dash:amd64 libx:a* libx:any libx:i386", "dash\t0.5\nlibx:amd64\t1.0-2\n", 1),
            (
                "dpkg-query -Wf '${Package}|${Status}|${Version}|${db:Status-Abbrev}|\\n' dash early libx bash",
                "bash|unknown ok not-installed||un |\ndash|install ok installed|0.5|ii |\n\
              early|install reinstreq half-installed|7|iHR|\nlibx|install ok half-configured|1.0-2|iF |\n",
                0,
            ),
            (
                "dpkg-query -W -f='${Package;-6}|${Package;6}|${Package;2}|${Package;0}|\\n' dash",
                "dash  |  dash|da|dash|\n",
                0,
            ),
            (
                "dpkg-query -W -f='${Package;x}' dash; dpkg-query -W -f '${Package' dash; dpkg-query -W -f '' dash",
                "",
                1,
            ),
            (
                "dpkg-query -f '=${multi-arch}|${Essential}|${binary:Summary}|${Nope}|${}|\\n' -W dash",
                "=no|yes|a shell|||\n",
                0,
            ),
            ("dpkg-query -W dash -f x", "dash\t0.5\n", 1),
            ("dpkg-query -W -s dash", "", 2),
            ("dpkg-query", "", 2),
            (
                "dpkg -s early; echo $?",
                "Package: early\nStatus: install reinstreq half-installed\nPriority: optional\nArchitecture: amd64\nVersion: 7\n0\n",
                0,
            ),
            ("dpkg -s bash; dpkg -s 'ba*'", "", 2),
            ("dpkg -s libx:amd64 nope early | grep -c ''", "15\n", 0),
            ("dpkg -L dash bash", "/.\n/bin\n/bin/sh\npackage diverts others to: /bin/sh.distrib\n\n", 1),
            ("dpkg -L early", "Package 'early' does not contain any files (!)\n", 0),
            (
                "dpkg -S /bin/sh",
                "diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\ndash: /bin/sh\n",
                0,
            ),
            ("dpkg -S /bin/sh.distrib", "diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\n", 0),
            ("dpkg -S lib/x /nope", "libx:amd64: /usr/lib/x\n", 1),
            ("dpkg-query -c dash md5sums; dpkg-query -c dash list", "/var/lib/dpkg/info/dash.md5sums\n", 0),
            ("dpkg-query -c bash list", "", 2),
            ("dpkg-query --control-show dash md5sums", "0  x\n", 0),
            ("dpkg-query --control-show libx list", "/usr/lib/x\n", 0),
            (
                "dpkg -l early dash bash | tail -n +5 | tr ' ' .",
                "+++-==============-============-============-=================================\n\
              un..bash...........<none>.......<none>.......(no.description.available)\n\
              ii..dash...........0.5..........amd64........a.shell\n\
              iHR.early..........7............amd64........(no.description.available)\n",
                0,
            ),
            ("dpkg-query --control-show libx nope", "", 2),
            ("dpkg -l nope", "", 1),
        ];
        for (question, output, status) in cases {
            says(&[(&at(question), output, *status)]);
        }
    }

    const STATUS: &str = "\
Package: libx
Status: install ok half-configured
Architecture: amd64
Multi-Arch: same
Version: 1.0-2
Depends: base | bash (>= 1)
Description: first
 second

Package: dash
Essential: yes
Status: install ok installed
Architecture: amd64
Version: 0.5
Description: a shell

Package: early
Status: install reinstreq half-installed
Priority: optional
Architecture: amd64
Version: 7
";
}
