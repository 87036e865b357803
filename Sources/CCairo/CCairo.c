#include "CCairo.h"

#include <cairo/cairo-pdf.h>
#include <cairo/cairo-svg.h>
#include <cairo/cairo.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

// The functions that are used, with the types of the library's headers.
#define FUNCTIONS(X)                                                                                                     \
  X(create) X(destroy) X(fill) X(image_surface_create) X(line_to) X(move_to) X(pdf_surface_create_for_stream)             \
  X(rectangle) X(scale) X(select_font_face) X(set_font_size) X(set_line_join) X(set_line_width) X(set_source_rgba)        \
  X(show_page) X(show_text) X(status) X(status_to_string) X(stroke) X(surface_destroy) X(surface_finish)                  \
  X(surface_status) X(surface_write_to_png_stream) X(svg_surface_create_for_stream) X(text_extents)

static struct {
#define MEMBER(name) __typeof__(&cairo_##name) name;
  FUNCTIONS(MEMBER)
#undef MEMBER
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int is_loaded;

static void load_once(void) {
  void *library = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
#define LOAD(name)                                                                                                       \
  if (!(api.name = (__typeof__(&cairo_##name))dlsym(library, "cairo_" #name))) return;
  FUNCTIONS(LOAD)
#undef LOAD
  is_loaded = 1;
}

struct ts_canvas {
  cairo_surface_t *surface;
  cairo_t *context;
  int is_png;
  ts_canvas_write write;
  void *data;
};

static cairo_status_t take(void *closure, const unsigned char *bytes, unsigned count) {
  ts_canvas *canvas = closure;
  canvas->write(canvas->data, bytes, count);
  return CAIRO_STATUS_SUCCESS;
}

ts_canvas *ts_canvas_new(ts_canvas_format format, double width, double height, double scale, ts_canvas_write write,
                         void *data) {
  pthread_once(&once, load_once);
  ts_canvas *canvas = is_loaded ? calloc(1, sizeof *canvas) : NULL;
  if (!canvas) return NULL;
  canvas->write = write;
  canvas->data = data;
  canvas->is_png = format == TS_CANVAS_PNG;
  switch (format) {
  case TS_CANVAS_PNG:
    canvas->surface = api.image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * scale), (int)(height * scale));
    break;
  case TS_CANVAS_SVG:
    canvas->surface = api.svg_surface_create_for_stream(take, canvas, width, height);
    break;
  case TS_CANVAS_PDF:
    canvas->surface = api.pdf_surface_create_for_stream(take, canvas, width, height);
    break;
  }
  // Of a surface that failed the library makes a context that has its error.
  canvas->context = api.create(canvas->surface);
  if (canvas->is_png) api.scale(canvas->context, scale, scale);
  api.set_line_join(canvas->context, CAIRO_LINE_JOIN_ROUND);
  return canvas;
}

void ts_canvas_free(ts_canvas *canvas) {
  api.destroy(canvas->context);
  api.surface_destroy(canvas->surface);
  free(canvas);
}

const char *ts_canvas_finish(ts_canvas *canvas) {
  api.show_page(canvas->context);
  cairo_status_t status = api.status(canvas->context);
  if (canvas->is_png && status == CAIRO_STATUS_SUCCESS)
    status = api.surface_write_to_png_stream(canvas->surface, take, canvas);
  api.surface_finish(canvas->surface);
  if (status == CAIRO_STATUS_SUCCESS) status = api.surface_status(canvas->surface);
  return status == CAIRO_STATUS_SUCCESS ? NULL : api.status_to_string(status);
}

static void set(ts_canvas *canvas, ts_colour colour) {
  api.set_source_rgba(canvas->context, colour.red, colour.green, colour.blue, colour.opacity);
}

void ts_canvas_fill(ts_canvas *canvas, double x, double y, double width, double height, ts_colour colour) {
  set(canvas, colour);
  api.rectangle(canvas->context, x, y, width, height);
  api.fill(canvas->context);
}

void ts_canvas_set_line(ts_canvas *canvas, double width, ts_colour colour) {
  set(canvas, colour);
  api.set_line_width(canvas->context, width);
}

void ts_canvas_move(ts_canvas *canvas, double x, double y) { api.move_to(canvas->context, x, y); }

void ts_canvas_line(ts_canvas *canvas, double x, double y) { api.line_to(canvas->context, x, y); }

void ts_canvas_stroke(ts_canvas *canvas) { api.stroke(canvas->context); }

void ts_canvas_set_font(ts_canvas *canvas, int is_bold, double size) {
  api.select_font_face(canvas->context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                       is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  api.set_font_size(canvas->context, size);
}

double ts_canvas_text_width(ts_canvas *canvas, const char *text) {
  cairo_text_extents_t extents;
  api.text_extents(canvas->context, text, &extents);
  return extents.x_advance;
}

void ts_canvas_text(ts_canvas *canvas, double x, double y, const char *text, ts_colour colour) {
  set(canvas, colour);
  api.move_to(canvas->context, x, y);
  api.show_text(canvas->context, text);
}
