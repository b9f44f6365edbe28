//! perl(1), as far as shell scripts call it.

use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("perl", perl)], ..Package::of("perl") };

/// Scripts ask whether there is a perl that runs, or use it as sed; and bookworm's ucf makes a regular expression of a
/// path.
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
        // What SpamAssassin's script does with it is left to a node.
        [module, e, text] if module == b"-MMail::SpamAssassin" && e == b"-e" && text.starts_with(b"print(") => {
            leave_to_first_boot(call)
        }
        [p, i, e, program, files @ ..] if [p, i, e] == [b"-p", b"-i", b"-e"] && is_seds(program) => {
            // Of a file that is not there perl only warns, and without one it reads its input.
            if files.is_empty() || files.iter().any(|file| call.look(file, true).is_none()) {
                return Err(Fault::gap("a substitution in a file that is not there"));
            }
            let sed = [b"sed".as_slice(), b"-E", b"-i", program].map(<[u8]>::to_vec);
            call.run(&[&sed, files].concat())
        }
        _ => Err(Fault::gap("a program in Perl")),
    }
}

/// Whether it is one substitution that means the same to `sed -E`: letters, groups, `.*`, and `\s*` where it cannot reach
/// the end of the line, which sed does not see.
fn is_seds(program: &[u8]) -> bool {
    let [b's', mark @ (b':' | b'/' | b'|' | b','), rest @ ..] = program else { return false };
    let parts: Vec<&[u8]> = rest.split(|byte| byte == mark).collect();
    let [expression, text, []] = parts[..] else { return false };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" =_-/".contains(&byte);
    let mut expression = expression.strip_prefix(b"^").unwrap_or(expression);
    expression = expression.strip_suffix(b"$").unwrap_or(expression);
    while let [first, rest @ ..] = expression {
        expression = match expression {
            [b'\\', b's', b'*', rest @ ..] if rest.first().is_some_and(|&next| is_plain(next)) => rest,
            [b'.', b'*', rest @ ..] => rest,
            _ if is_plain(*first) || matches!(first, b'(' | b')') => rest,
            _ => return false,
        };
    }
    let mut text = text;
    while let [first, rest @ ..] = text {
        text = match text {
            [b'\\', b'1'..=b'9', rest @ ..] => rest,
            _ if is_plain(*first) || *first == b'.' => rest,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_seds;

    #[test]
    fn substitutions_that_sed_understands_alike() {
        // hplip's postinst.
        assert!(is_seds(br"s:^(\s*ppd=).*$:\1/usr/share/ppd/hplip/HP:"));
        for other in
            [r"s:a\s*$:b:", r"s:a+:b:", r"s:a:b:e", r"s:a:$1:", r"s:a:b", r"y:a:b:", r"s:a\s*\n:b:", r"s:[a]:b:", ""]
        {
            assert!(!is_seds(other.as_bytes()), "{other}");
        }
    }
}
