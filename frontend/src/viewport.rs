//! Which part of the drawing is seen, and how large: numbers in, numbers out. Pure.

use crate::layout::Spot;

/// The closest look.
pub const LARGEST: f64 = 2.0;
/// The farthest look that a person can take.
pub const SMALLEST: f64 = 0.1;
/// As long as nobody has moved the drawing it is made to fit, but never smaller than can be read.
pub const READABLE: f64 = 0.75;
/// A frame that is narrower has a drawing as wide as itself: making that smaller would only leave room at its sides.
pub const NARROW: i32 = 900;
/// Below this nothing in a box can be read, and boxes are drawn without their words.
pub const LEGIBLE: f64 = 0.5;
/// One press of a zoom button.
pub const STEP: f64 = 1.25;
/// Room around something that is moved into sight, in pixels of the screen.
const ROOM: f64 = 24.0;
/// The visible part is told in steps of so many pixels of the drawing, so that a small move draws nothing anew.
const GRAIN: i32 = 240;

/// How the drawing lies under its frame: a point of it is at `x + scale * point` in the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Pixels of the frame, from its left edge to that of the drawing.
    pub x: f64,
    /// From its upper edge.
    pub y: f64,
    /// Pixels of the frame for one of the drawing.
    pub scale: f64,
}

impl Default for View {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0, scale: 1.0 }
    }
}

/// Width and height of frame or drawing.
pub type Size = (i32, i32);

/// The smallest that a drawing is made by itself.
pub fn least(frame: Size) -> f64 {
    if frame.0 < NARROW { 1.0 } else { READABLE }
}

/// How much wider than its frame a drawing should be laid out, so that it fits in there at a larger scale: one that is as wide as
/// its frame and `drawn` high. At most so much that it can be as small as `smallest`.
pub fn spread(drawn: Size, frame: Size, smallest: f64) -> f64 {
    let excess = f64::from(drawn.1) / f64::from(frame.1.max(1));
    // Twice as wide, half as high: the root of what is too much goes to either side.
    within(excess.sqrt(), 1.0, 1.0 / smallest)
}

/// `f64::clamp` without its complaint about bounds, which brings all that writes floating-point numbers into the first load.
fn within(number: f64, least: f64, most: f64) -> f64 {
    number.max(least).min(most)
}

/// A number with five decimals: enough for a scale, also where the drawing is many thousand pixels wide. See `within` for why
/// it is not `format!`.
fn decimal(number: f64) -> String {
    // A cast from a float that does not fit takes the nearest that does.
    let parts = (number * 1e5).round() as i64;
    let sign = if parts < 0 { "-" } else { "" };
    format!("{sign}{}.{:05}", parts.unsigned_abs() / 100_000, parts.unsigned_abs() % 100_000)
}

impl View {
    /// As SVG's attribute `transform`.
    pub fn transform(&self) -> String {
        format!("translate({} {}) scale({})", decimal(self.x), decimal(self.y), decimal(self.scale))
    }

    /// All of the drawing, in the middle, but not larger than it is nor smaller than `least`; then its top is seen.
    pub fn fit(drawing: Size, frame: Size, least: f64) -> Self {
        let [width, height] = [drawing.0, drawing.1].map(|length| f64::from(length.max(1)));
        let scale = within((f64::from(frame.0) / width).min(f64::from(frame.1) / height), least, 1.0);
        Self { x: (f64::from(frame.0) - width * scale).max(0.0) / 2.0, y: 0.0, scale }
    }

    /// Closer or farther by a factor, with one point of the frame staying where it is.
    #[must_use]
    pub fn zoom(self, factor: f64, at: (f64, f64)) -> Self {
        let scale = within(self.scale * factor, SMALLEST, LARGEST);
        let grown = scale / self.scale;
        Self { x: at.0 - (at.0 - self.x) * grown, y: at.1 - (at.1 - self.y) * grown, scale }
    }

    /// Moved by pixels of the frame.
    #[must_use]
    pub fn pan(self, by: (f64, f64)) -> Self {
        Self { x: self.x + by.0, y: self.y + by.1, ..self }
    }

    /// Moved back so far that some of the drawing is under the frame.
    #[must_use]
    pub fn kept(self, drawing: Size, frame: Size) -> Self {
        let keep = |at: f64, drawing: i32, frame: i32| {
            let (length, frame) = (f64::from(drawing) * self.scale, f64::from(frame));
            // A quarter of the frame at least, or all of a small drawing.
            let least = (frame / 4.0).min(length);
            within(at, least - length, (frame - least).max(least - length))
        };
        Self { x: keep(self.x, drawing.0, frame.0), y: keep(self.y, drawing.1, frame.1), ..self }
    }

    /// Moved no farther than needed for something to be in sight.
    #[must_use]
    pub fn reveal(self, spot: Spot, frame: Size) -> Self {
        let shift = |at: f64, start: i32, length: i32, frame: i32| {
            let (start, end) = (at + f64::from(start) * self.scale, at + f64::from(start + length) * self.scale);
            let frame = f64::from(frame);
            if start < ROOM || end - start > frame - 2.0 * ROOM {
                ROOM - start
            } else if end > frame - ROOM {
                frame - ROOM - end
            } else {
                0.0
            }
        };
        // What is larger than the frame and fills it is in sight.
        let fills = |at: f64, start: i32, length: i32, frame: i32| {
            let (start, end) = (at + f64::from(start) * self.scale, at + f64::from(start + length) * self.scale);
            start <= ROOM && end >= f64::from(frame) - ROOM
        };
        let x =
            if fills(self.x, spot.x, spot.width, frame.0) { 0.0 } else { shift(self.x, spot.x, spot.width, frame.0) };
        let y =
            if fills(self.y, spot.y, spot.height, frame.1) { 0.0 } else { shift(self.y, spot.y, spot.height, frame.1) };
        self.pan((x, y))
    }

    /// A point of the frame as one of the drawing.
    pub fn point(self, at: (f64, f64)) -> (i32, i32) {
        // A cast from a float that does not fit takes the nearest that does.
        (((at.0 - self.x) / self.scale) as i32, ((at.1 - self.y) / self.scale) as i32)
    }

    /// The part of the drawing that is under the frame, in coarse steps and with some room.
    pub fn seen(self, frame: Size) -> Spot {
        let (left, top) = self.point((0.0, 0.0));
        let (right, bottom) = self.point((f64::from(frame.0), f64::from(frame.1)));
        let [left, top] = [left, top].map(|edge| (edge.div_euclid(GRAIN) * GRAIN) - GRAIN / 2);
        let [right, bottom] = [right, bottom].map(|edge| (edge.div_euclid(GRAIN) + 1) * GRAIN + GRAIN / 2);
        Spot { x: left, y: top, width: right - left, height: bottom - top }
    }
}

/// Whether two rectangles have a point in common.
pub fn touch(a: &Spot, b: &Spot) -> bool {
    a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height
}

/// How far two fingers are apart, and the point between them.
pub fn pinch(a: (f64, f64), b: (f64, f64)) -> (f64, (f64, f64)) {
    ((a.0 - b.0).hypot(a.1 - b.1).max(1.0), (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Size = (1000, 600);

    #[test]
    fn a_view_is_written_as_svg_reads_it() {
        let view = View { x: -12.5, y: 1e-9, scale: 0.1 };
        assert_eq!(view.transform(), "translate(-12.50000 0.00000) scale(0.10000)");
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }

    #[test]
    fn a_drawing_fits_or_shows_its_top() {
        assert_eq!(View::fit((1000, 500), FRAME, READABLE), View::default());
        let view = View::fit((1000, 750), FRAME, READABLE);
        close(view.scale, 0.8);
        close(view.x, 100.0);
        // Too large to be read whole.
        let view = View::fit((1000, 5000), FRAME, READABLE);
        close(view.scale, READABLE);
        close(View::fit((1000, 5000), FRAME, SMALLEST).scale, 0.12);
        close(View::fit((0, 0), FRAME, SMALLEST).scale, 1.0);
    }

    #[test]
    fn what_is_too_high_is_laid_out_wider() {
        close(spread((1000, 500), FRAME, READABLE), 1.0);
        close(spread((1000, 864), FRAME, READABLE), 1.2);
        close(spread((1000, 50_000), FRAME, READABLE), 1.0 / READABLE);
        close(spread((1000, 5_400), FRAME, SMALLEST), 3.0);
        close(least((390, 600)), 1.0);
        close(least(FRAME), READABLE);
    }

    #[test]
    fn zooming_keeps_the_point_under_the_hand() {
        let view = View { x: -40.0, y: 12.0, scale: 0.9 };
        let before = view.point((300.0, 200.0));
        let after = view.zoom(1.6, (300.0, 200.0));
        assert_eq!(after.point((300.0, 200.0)), before);
        close(view.zoom(1e9, (0.0, 0.0)).scale, LARGEST);
        close(view.zoom(0.0, (0.0, 0.0)).scale, SMALLEST);
    }

    #[test]
    fn the_drawing_is_never_lost() {
        for by in [(1e7, 0.0), (-1e7, 0.0), (0.0, 1e7), (0.0, -1e7)] {
            for drawing in [(1000, 4000), (200, 100)] {
                let view = View::default().pan(by).kept(drawing, FRAME);
                let all = Spot { x: 0, y: 0, width: drawing.0, height: drawing.1 };
                let (left, top) = view.point((0.0, 0.0));
                let frame = Spot { x: left, y: top, width: FRAME.0, height: FRAME.1 };
                assert!(touch(&all, &frame), "{view:?} shows nothing of {drawing:?}");
            }
        }
        let still = View { x: 3.0, y: -50.0, scale: 1.0 };
        assert_eq!(still.kept((1000, 4000), FRAME), still);
    }

    #[test]
    fn what_is_chosen_comes_into_sight_and_what_is_in_sight_stays() {
        let inside = Spot { x: 100, y: 100, width: 200, height: 100 };
        assert_eq!(View::default().reveal(inside, FRAME), View::default());
        for spot in [Spot { x: 100, y: 3000, ..inside }, Spot { x: 2000, y: 20, ..inside }, Spot { x: -500, ..inside }]
        {
            let view = View::default().reveal(spot, FRAME);
            let (x, y) = (view.x + f64::from(spot.x), view.y + f64::from(spot.y));
            assert!(x >= 0.0 && x + 200.0 <= 1000.0 && y >= 0.0 && y + 100.0 <= 600.0, "{view:?} for {spot:?}");
        }
        let larger = Spot { x: -50, y: 10, width: 3000, height: 40 };
        close(View::default().reveal(larger, FRAME).x, 0.0);
    }

    #[test]
    fn small_moves_see_the_same_part() {
        let view = View { x: -500.0, y: -500.0, scale: 1.0 };
        let seen = view.seen(FRAME);
        assert_eq!(view.pan((5.0, -5.0)).seen(FRAME), seen);
        assert!(seen.x < 500 && seen.y < 500 && seen.x + seen.width > 1500 && seen.y + seen.height > 1100);
        assert_ne!(view.pan((500.0, 0.0)).seen(FRAME), seen);
        close(pinch((0.0, 0.0), (30.0, 40.0)).0, 50.0);
    }
}
