//! Values, types, field paths and their encodings.
