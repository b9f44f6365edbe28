//! What all calls of tools on texts find.

/// A name and its lists; `main` is a call.
pub(super) type Lists = (&'static str, &'static [(&'static str, &'static [&'static str])]);

/// The files of every call: words, fields, numbers, lines that come twice, tabs, nothing, sorted columns, zero bytes, pages.
pub(super) const DATA: &str = "printf 'one two\\nthree  four\\n\\n five\\tsix\\nseven' > t\n\
    printf 'b:2:x\\na:10:y\\nc:1:\\n:3:z\\na:2\\n' > c\n\
    printf '10\\n9\\n-1\\n1e1\\n0x10\\n 2\\n1.5\\n+3\\n010\\n' > n\n\
    printf 'a\\na\\nA\\nb\\nB\\nb\\n\\n\\nc' > u\n\
    printf 'a\\tb\\tc\\nd\\t\\tf\\n\\tx\\n   \\ty    z\\n' > s\n\
    : > e\n\
    printf 'a 1\\nb 2\\nb 3\\nd 4\\n' > j\n\
    printf 'a x\\nb y\\nc z\\nd w v\\n' > k\n\
    printf 'a\\0b\\0\\0c' > z\n\
    printf '\\001\\377\\200abc\\r\\n\\\\x' > y\n\
    printf '1\\n2\\n3\\n4\\n\\f5\\n6\\f7 seven\\n' > p\n\
    printf 'a line that is longer than others\\n\\n\\tx\\ty\\nfour words are here\\n' > q\n";
