//! A .deb file: its members, its control files, its data as a stream (deb(5)).
