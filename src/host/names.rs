//! Names of machines and users in a static program, by the C library that is in it.

#![expect(unsafe_code, reason = "a call that no library makes")]

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;

/// What glibc can answer without a library. Any other service of `/etc/nsswitch.conf` is one, and brings the machine's
/// own glibc with it: where that is of another version, the process ends by SIGFPE.
const BUILT_IN: [(&CStr, &CStr); 3] = [(c"hosts", c"files dns"), (c"passwd", c"files"), (c"group", c"files")];

unsafe extern "C" {
    /// `<nss.h>`: the services of a database, in place of those that `/etc/nsswitch.conf` names.
    fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
}

/// Has names looked up in `/etc/hosts`, `/etc/passwd` and `/etc/group`, and by DNS, alone. Called once, before there are
/// threads.
pub(crate) fn look_up_alone() {
    for (database, services) in BUILT_IN {
        // Both are constants that end with NUL.
        let status = unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
        assert_eq!(status, 0, "glibc takes the services that it has");
    }
}
