//! gunzip(1), zcat(1) and `gzip -d`: what was compressed is unpacked. To compress is none of ours: the bytes would not
//! be those that gzip makes.

use std::io::Read as _;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Buffer;
use super::options::Opt;
use super::show;
use crate::tree::Inode;
use crate::tree::Kind;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("gunzip", gzip), ("gzip", gzip), ("zcat", gzip)];

/// The options.
pub(super) const OPTIONS: &[Opt] = &[
    Opt::flag(b'c', "stdout to-stdout"),
    Opt::flag(b'd', "decompress uncompress"),
    Opt::flag(b'f', "force"),
    Opt::flag(b'k', "keep"),
    Opt::harmless(b'n', "no-name", "a name that is kept inside is only taken when `-N` asks for it"),
    Opt::flag(b'q', "quiet"),
    Opt::flag(b't', "test"),
];

fn gzip(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    let test = given.has(b't');
    if call.name == b"gzip" && !given.has(b'd') && !test {
        return Err(Fault::gap("compresses: the bytes would be another program's"));
    }
    let out = given.has(b'c') || call.name == b"zcat";
    let mut status = 0;
    let standard = [b"-".to_vec()];
    let paths = if given.operands.is_empty() { &standard[..] } else { &given.operands };
    for path in paths {
        match one(call, path, test, out, given.has(b'f'), given.has(b'k')) {
            Err(Fault::Failed(code, words)) => {
                if !given.has(b'q') {
                    call.err(&words)?;
                }
                status = if status == 1 { 1 } else { code };
            }
            other => {
                other?;
            }
        }
    }
    Ok(status)
}

fn one(call: &mut Call<'_, '_>, path: &[u8], test: bool, out: bool, force: bool, keep: bool) -> Done {
    let mut named = path.to_vec();
    if path != b"-" && call.look(path, true).is_none() && !path.ends_with(b".gz") {
        named.extend(b".gz");
    }
    let shown = show(&named);
    if path != b"-" && !out && !test {
        match call.look(&named, false).map(|inode| inode.kind) {
            Some(Kind::Directory) => return Err(Fault::Failed(2, format!("{shown} is a directory -- ignored"))),
            Some(Kind::Symlink(_)) if !force => return Err(Fault::gap("a link to what is compressed")),
            _ => {}
        }
    }
    let packed = call.text(&named)?;
    let text = unpack(call, &packed, if path == b"-" { "stdin" } else { &shown }, force && out)?;
    if test {
        return Ok(0);
    }
    if out || path == b"-" {
        call.out(&*text)?;
        return Ok(0);
    }
    let suffixes: [&[u8]; 4] = [b".gz", b"-gz", b".z", b"-z"];
    let name = if named.ends_with(b".tgz") {
        [&named[..named.len() - 3], b"tar"].concat()
    } else {
        let plain = suffixes.iter().find_map(|suffix| named.strip_suffix(*suffix));
        plain.ok_or_else(|| Fault::Failed(2, format!("{shown}: unknown suffix -- ignored")))?.to_vec()
    };
    if call.look(&name, false).is_some() {
        if !force {
            return Err(Fault::Failed(2, format!("{} already exists;\tnot overwritten", show(&name))));
        }
        let place = call.resolve(&name, false)?;
        call.tree().remove(&place)?;
    }
    let from = call.resolve(&named, true)?;
    let Some(stat) = call.tree().get(&from).map(|inode| inode.stat.clone()) else { return Ok(0) };
    let to = call.resolve(&name, false)?;
    let content = call.shell.system.content(text.into_bytes())?;
    let mtime = stat.mtime;
    call.create(&to, Inode { kind: Kind::File(content), stat })?;
    if let Some(inode) = call.tree().get_mut(&to) {
        inode.stat.mtime = mtime;
    }
    if !keep {
        call.tree().remove(&from)?;
    }
    Ok(0)
}

/// What a file unpacks to: all its members. What is none is an error, or itself where it may be (`-cdf`).
fn unpack(call: &Call<'_, '_>, packed: &[u8], shown: &str, or_itself: bool) -> Result<Buffer, Fault> {
    let mut text = Buffer::new(&call.shell.system.budget)?;
    if !packed.starts_with(b"\x1f\x8b") {
        if or_itself {
            text.extend(packed)?;
            return Ok(text);
        }
        let what = if packed.len() < 2 { "unexpected end of file" } else { "not in gzip format" };
        return Err(Fault::failed(format!("{shown}: {what}")));
    }
    let mut rest = packed;
    let mut block = vec![0; 1 << 16];
    while rest.starts_with(b"\x1f\x8b") {
        let mut decoder = flate2::bufread::GzDecoder::new(rest);
        loop {
            let wrong = |error: std::io::Error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Fault::failed(format!("{shown}: unexpected end of file")),
                _ => Fault::failed(format!("{shown}: invalid compressed data")),
            };
            match decoder.read(&mut block).map_err(wrong)? {
                0 => break,
                count => text.extend(&block[..count])?,
            }
        }
        rest = decoder.into_inner();
    }
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Fault::gap("bytes behind what is compressed"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    /// `hello` and the end of a line, compressed.
    const HELLO: &str = "H4sIAAAAAAAAA8tIzcnJ5wIAIDA6NgYAAAA=";

    #[test]
    fn what_is_compressed_is_unpacked() {
        let file = format!("echo {HELLO} | base64 -d > f.gz; ");
        let cases = [
            ("zcat f.gz", "hello\n", 0),
            ("zcat f", "hello\n", 0),
            ("gunzip f.gz; cat f; ls", "hello\netc\nf\ntmp\nusr\n", 0),
            ("gzip -dk f.gz; ls f*", "f\nf.gz\n", 0),
            ("gzip -dc < f.gz; gunzip -c f.gz", "hello\nhello\n", 0),
            ("cat f.gz f.gz | zcat", "hello\nhello\n", 0),
            ("gzip -t f.gz && echo ok", "ok\n", 0),
            ("chmod 600 f.gz; gunzip f.gz; stat -c %a f", "600\n", 0),
            ("echo x > f; gunzip f.gz; cat f", "x\n", 0),
            ("echo x > f; gunzip -f f.gz; cat f", "hello\n", 0),
            ("echo x > f; gunzip f.gz", "", 2),
            ("head -c 20 f.gz | zcat", "", 1),
            ("echo plain | gunzip", "", 1),
            ("echo plain | zcat -f", "plain\n", 0),
            ("gunzip nosuch", "", 1),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{file}{script}"), output, status)]);
        }
        lacks(&[("echo x | gzip", "compresses"), ("gzip -9 f", "option `-9`")]);
    }
}
