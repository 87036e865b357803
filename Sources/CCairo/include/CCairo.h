#ifndef CCAIRO_H
#define CCAIRO_H

// Drawing with libcairo, loaded at first use: it brings X11's and fontconfig's libraries with it, whose loading would cost every
// command several milliseconds, while only reports are drawn.

typedef struct ts_canvas ts_canvas;
typedef enum { TS_CANVAS_PNG, TS_CANVAS_SVG, TS_CANVAS_PDF } ts_canvas_format;
typedef struct {
  double red, green, blue, opacity;
} ts_colour;

/// Receives the file's next bytes.
typedef void (*ts_canvas_write)(void *data, const unsigned char *bytes, unsigned count);

/// A page of that size in points, whose PNG has `scale` pixels a point; null if libcairo isn't installed or memory is short. The
/// caller frees it with ts_canvas_free; until then `write` may be called with `data`.
ts_canvas *ts_canvas_new(ts_canvas_format format, double width, double height, double scale, ts_canvas_write write,
                         void *data);
void ts_canvas_free(ts_canvas *canvas);

/// Writes the rest of the file. Null, or what the library says went wrong.
const char *ts_canvas_finish(ts_canvas *canvas);

void ts_canvas_fill(ts_canvas *canvas, double x, double y, double width, double height, ts_colour colour);
/// The following lines' width and colour.
void ts_canvas_set_line(ts_canvas *canvas, double width, ts_colour colour);
/// Begins a line.
void ts_canvas_move(ts_canvas *canvas, double x, double y);
/// Continues it.
void ts_canvas_line(ts_canvas *canvas, double x, double y);
/// Draws it.
void ts_canvas_stroke(ts_canvas *canvas);
/// The following texts' font, DejaVu Sans, and size in points.
void ts_canvas_set_font(ts_canvas *canvas, int is_bold, double size);
/// A text's width in points.
double ts_canvas_text_width(ts_canvas *canvas, const char *text);
void ts_canvas_text(ts_canvas *canvas, double x, double y, const char *text, ts_colour colour);

#endif
