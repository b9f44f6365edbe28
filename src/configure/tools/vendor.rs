//! dpkg-vendor(1): which distribution this is.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::options::Opt;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("dpkg-vendor", vendor)];

/// The options.
const OPTIONS: &[Opt] =
    &[Opt::value(1, "derives-from"), Opt::value(2, "is"), Opt::value(3, "query"), Opt::value(4, "vendor")];

/// The fields of a vendor's file in `/etc/dpkg/origins`.
fn fields(call: &mut Call<'_, '_>, name: &[u8]) -> Result<Option<Vec<(Vec<u8>, Vec<u8>)>>, Fault> {
    let path = [b"/etc/dpkg/origins/", name].concat();
    if call.look(&path, true).is_none() {
        return Ok(None);
    }
    let text = call.read(&path)?;
    let line = |line: &[u8]| {
        let colon = memchr::memchr(b':', line)?;
        Some((line[..colon].to_ascii_lowercase(), line[colon + 1..].trim_ascii().to_vec()))
    };
    Ok(Some(text.split(|&byte| byte == b'\n').filter_map(line).collect()))
}

fn value(fields: &[(Vec<u8>, Vec<u8>)], name: &[u8]) -> Option<Vec<u8>> {
    fields.iter().find(|(field, _)| *field == name.to_ascii_lowercase()).map(|(_, value)| value.clone())
}

fn vendor(call: &mut Call<'_, '_>) -> Done {
    let given = call.given(OPTIONS)?;
    if !given.operands.is_empty() {
        return Err(Fault::gap("words beside the options"));
    }
    let name = given.value(4).map_or_else(|| b"default".to_vec(), <[u8]>::to_ascii_lowercase);
    let own = fields(call, &name)?;
    let unknown = || Fault::Failed(2, format!("error: vendor {} doesn't exist in /etc/dpkg/origins/", show(&name)));
    let own = match own {
        Some(own) => own,
        None if name == b"default" => vec![(b"vendor".to_vec(), b"Debian".to_vec())],
        None => return Err(unknown()),
    };
    match given.last_of(&[1, 2, 3]) {
        Some(3) => match value(&own, given.value(3).unwrap_or_default()) {
            Some(text) => call.out([text.as_slice(), b"\n"].concat()).map(|()| 0),
            None => Ok(1),
        },
        Some(2) => {
            let asked = given.value(2).unwrap_or_default();
            Ok(i32::from(!value(&own, b"Vendor").is_some_and(|name| name.eq_ignore_ascii_case(asked))))
        }
        Some(_) => {
            let asked = given.value(1).unwrap_or_default();
            let mut at = own;
            // A chain of parents that goes in a circle ends.
            for _ in 0..100 {
                if value(&at, b"Vendor").is_some_and(|name| name.eq_ignore_ascii_case(asked)) {
                    return Ok(0);
                }
                let Some(parent) = value(&at, b"Parent") else { return Ok(1) };
                let Some(next) = fields(call, &parent.to_ascii_lowercase())? else { return Ok(1) };
                at = next;
            }
            Ok(1)
        }
        None => Err(Fault::Failed(2, "error: need an action option".into())),
    }
}

#[cfg(test)]
mod tests {
    use crate::utilities::recorded::says;

    #[test]
    fn vendors_are_known_with_their_parents() {
        let files = "mkdir -p /etc/dpkg/origins; cd /etc/dpkg/origins; printf 'Vendor: Own\\nParent: Debian\\n' > own; \
                     printf 'Vendor: Debian\\nVendor-URL: https://example.org/\\n' > debian; ln -s own default; ";
        let cases = [
            ("dpkg-vendor --query vendor", "Own\n", 0),
            ("dpkg-vendor --query Vendor-URL --vendor debian", "https://example.org/\n", 0),
            ("dpkg-vendor --is own && echo yes; dpkg-vendor --is debian", "yes\n", 1),
            ("dpkg-vendor --derives-from Debian && echo yes; dpkg-vendor --derives-from other", "yes\n", 1),
            ("rm default; dpkg-vendor --query vendor", "Debian\n", 0),
            ("dpkg-vendor --query parent --vendor debian", "", 1),
            ("dpkg-vendor --query parent --vendor nosuch", "", 2),
            ("dpkg-vendor", "", 2),
        ];
        for (script, output, status) in cases {
            says(&[(&format!("{files}{script}"), output, status)]);
        }
    }
}
