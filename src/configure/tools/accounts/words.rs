//! What the account programs refuse as a name or a field.

use crate::utilities::Fault;
use crate::utilities::show;

/// Refuses a name that Debian's shadow-utils refuses: it would not come out of the files as it went in.
pub(super) fn account_name(name: &[u8], what: &str, lenient: bool, status: i32) -> Result<(), Fault> {
    let never = |byte: &u8| byte.is_ascii_control() || byte.is_ascii_whitespace() || b":,/".contains(byte);
    let number = name.iter().all(u8::is_ascii_digit);
    let dots = name == b"." || name == b"..";
    if name.is_empty() || name.iter().any(never) || (!lenient && (b"-+~".contains(&name[0]) || number || dots)) {
        return Err(Fault::Failed(status, format!("invalid {what} name '{}'", show(name))));
    }
    Ok(())
}

/// Refuses a field that would become two, or two lines.
pub(super) fn no_colon(field: &[u8]) -> Result<(), Fault> {
    if field.iter().any(|byte| b":\n".contains(byte)) {
        return Err(Fault::Failed(3, format!("invalid field '{}'", show(field))));
    }
    Ok(())
}
