//! Notes of one's own, for users who have signed in: the same functions as in `../notes_c`.

#![forbid(unsafe_code)]

mod notes;

cordon::schema![notes::Note];

cordon::functions![notes::me, notes::add, notes::mine, notes::add_and_count];
