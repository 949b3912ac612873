//! What `--help` says at every level, as a whole: it is read as a text.

use crate::binary::work_api;

const COMMANDS: &[&str] = &[
    "",
    "dev",
    "demo",
    "gateway",
    "migrate",
    "admin",
    "admin environment",
    "admin environment create",
    "admin environment import",
    "admin environment list",
    "admin environment show",
    "admin environment delete",
    "admin provider",
    "admin provider set",
    "admin provider list",
    "admin provider delete",
    "admin credential",
    "admin credential check",
    "admin provider secret",
    "admin provider secret add",
    "admin provider secret list",
    "admin provider secret remove",
    "admin return-origin",
    "admin return-origin add",
    "admin return-origin list",
    "admin credential list",
    "admin jobs",
    "admin jobs list",
    "admin jobs explain",
    "admin jobs retry",
    "admin jobs drop",
    "apt",
    "healthcheck",
    "check-config",
];

#[test]
fn help_reads_well_at_every_level() {
    let pages: Vec<String> = COMMANDS
        .iter()
        .map(|command| {
            let help = work_api()
                .args(command.split_whitespace())
                .arg("--help")
                .env("COLUMNS", "100")
                .output()
                .unwrap();
            assert!(help.status.success(), "{command}");
            let page = String::from_utf8(help.stdout).unwrap();
            format!("$ work-api {command} --help\n{page}")
        })
        .collect();

    insta::assert_snapshot!(pages.join("\n"));
}
