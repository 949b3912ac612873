//! How much processor time a process has used, from `/proc`. Elsewhere it is always zero.

use std::fs;
use std::time::Duration;

/// Linux counts in hundredths of a second towards user space, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// The numbers of a line of `/proc/<pid>/stat` that matter here.
struct Stat {
    parent: u32,
    used: u32,
    used_by_ended_children: u32,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, the second field, is in brackets and may hold anything.
        let (_, after_name) = line.rsplit_once(") ")?;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
        Some(Self {
            parent: field(4)?,
            used: field(14)? + field(15)?,
            used_by_ended_children: field(16)? + field(17)?,
        })
    }
}

/// Returns the time that a process and all its descendants have used, ended ones included.
pub(crate) fn of_tree(root: u32) -> Duration {
    let used = tree(root).into_iter().filter_map(Stat::of);
    used.map(|stat| TICK * (stat.used + stat.used_by_ended_children))
        .sum()
}

/// Returns the time that a process has used, without its children.
pub(crate) fn of_process(pid: u32) -> Duration {
    Stat::of(pid).map_or(Duration::ZERO, |stat| TICK * stat.used)
}

/// Returns the processes of a tree, the root first.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return vec![root];
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let parents: Vec<(u32, u32)> = names
        .filter_map(|name| name.parse().ok())
        .filter_map(|pid| Some((pid, Stat::of(pid)?.parent)))
        .collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        let children = parents.iter().filter(|(_, of)| *of == parent);
        tree.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    tree
}
