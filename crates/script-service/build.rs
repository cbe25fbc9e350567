//! The folders that are embedded whole: a new file in them is a change of the program.

fn main() {
    println!("cargo:rerun-if-changed=analyses");
    println!("cargo:rerun-if-changed=migrations");
}
