//! A plot: a line for each row, a dot on it for each peer.

use crate::{
    contest::Contest,
    roster::{OURS, names},
};
use plotters::prelude::*;
use std::{error::Error, fs, path::Path};

pub struct Row {
    pub name: String,
    /// By the peer's name.
    pub dots: Vec<(&'static str, f64)>,
}

impl Row {
    /// The medians of a cell.
    pub fn of(contest: &Contest) -> Self {
        let dots = contest.entrants.iter().map(|entrant| (entrant.peer.name, entrant.median())).collect();
        Self { name: contest.cell.name.clone(), dots }
    }
}

pub fn write(path: &Path, title: &str, x: &str, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let all = || rows.iter().flat_map(|row| row.dots.iter().map(|dot| dot.1));
    let (Some(low), Some(high)) = (all().min_by(f64::total_cmp), all().max_by(f64::total_cmp)) else {
        return Ok(()); // nothing was run
    };
    let root = SVGBackend::new(path, (1200, 120 + 20 * rows.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(200)
        // To the right, room for the legend.
        .build_cartesian_2d((low / 1.5..high * 8.0).log_scale(), (0..rows.len()).into_segmented())?;
    // Upwards is upwards here, and downwards in the table.
    let row = |segment: &SegmentValue<usize>| match segment {
        SegmentValue::CenterOf(row) => rows.iter().rev().nth(*row).map(|row| row.name.clone()),
        _ => None,
    };
    chart
        .configure_mesh()
        .x_desc(x)
        .y_labels(rows.len())
        .y_label_formatter(&|segment| row(segment).unwrap_or_default())
        .draw()?;
    // Ours last, over the others.
    let (ours, others): (Vec<_>, Vec<_>) = names().enumerate().partition(|&(_, name)| name == OURS);
    for (color, name) in others.into_iter().chain(ours) {
        let (color, radius) = if name == OURS { (RED.filled(), 6) } else { (Palette99::pick(color).filled(), 4) };
        let dots = rows.iter().rev().enumerate().filter_map(|(at, row)| {
            let (_, x) = row.dots.iter().find(|dot| dot.0 == name)?;
            Some(Circle::new((*x, SegmentValue::CenterOf(at)), radius, color))
        });
        chart.draw_series(dots)?.label(name).legend(move |at| Circle::new(at, radius, color));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    Ok(root.present()?)
}
