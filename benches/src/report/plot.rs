//! The plot: a line for each cell, a dot on it for each peer's median.

use crate::{
    contest::{Contest, Entrant},
    roster::{OURS, names},
};
use plotters::prelude::*;
use std::{error::Error, fs, path::Path};

pub fn write(path: &Path, title: &str, contests: &[Contest]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let medians = || contests.iter().flat_map(|contest| contest.entrants.iter().map(Entrant::median));
    let (Some(low), Some(high)) = (medians().min_by(f64::total_cmp), medians().max_by(f64::total_cmp)) else {
        return Ok(()); // nothing was run
    };
    let root = SVGBackend::new(path, (1200, 120 + 20 * contests.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(200)
        // To the right, room for the legend.
        .build_cartesian_2d((low / 1.5..high * 8.0).log_scale(), (0..contests.len()).into_segmented())?;
    // Upwards is upwards here, and downwards in the table.
    let row = |segment: &SegmentValue<usize>| match segment {
        SegmentValue::CenterOf(row) => contests.iter().rev().nth(*row).map(|contest| contest.cell.name.clone()),
        _ => None,
    };
    chart
        .configure_mesh()
        .x_desc("median, ns each")
        .y_labels(contests.len())
        .y_label_formatter(&|segment| row(segment).unwrap_or_default())
        .draw()?;
    // Ours last, over the others.
    let (ours, others): (Vec<_>, Vec<_>) = names().enumerate().partition(|&(_, name)| name == OURS);
    for (color, name) in others.into_iter().chain(ours) {
        let (color, radius) = if name == OURS { (RED.filled(), 6) } else { (Palette99::pick(color).filled(), 4) };
        let dots = contests.iter().rev().enumerate().filter_map(|(row, contest)| {
            let at = (contest.of(name)?.median(), SegmentValue::CenterOf(row));
            Some(Circle::new(at, radius, color))
        });
        chart.draw_series(dots)?.label(name).legend(move |at| Circle::new(at, radius, color));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    Ok(root.present()?)
}
