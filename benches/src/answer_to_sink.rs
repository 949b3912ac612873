//! "Answer read → first sink acknowledged" (refresh protocol, section 7), as the refreshers measure it.

use std::time::Duration;

use crate::console::{Table, milliseconds};
use crate::quantiles::Histogram;

/// The metric.
const METRIC: &str = "workapi_answer_to_sink";
/// What the protocol asks of 99 in 100 answers; a bucket of the metric ends there.
const TARGET: Duration = Duration::from_millis(20);

/// Reads the histogram from the metrics of a refresher.
pub(crate) fn read(metrics: &str) -> Histogram {
    Histogram::read(metrics, METRIC)
}

/// Adds the rows of the histogram of all refreshers.
pub(crate) fn add_rows(table: &mut Table, measured: &Histogram) {
    let bound = |part| match measured.quantile(part) {
        Some(bound) => format!("≤ {}", milliseconds(bound)),
        None => "not measured".to_owned(),
    };
    table.row("answer to sink, measured", measured.count());
    table.row("answer to sink p50", bound(0.5));
    table.row("**answer to sink p99**", bound(0.99));
    table.row("answer to sink, longest", bound(1.0));
    let in_time = measured.part_within(TARGET) * 100.0;
    let name = format!("answer to sink within {}", milliseconds(TARGET));
    table.row(name, format_args!("{in_time:.2} %"));
}
