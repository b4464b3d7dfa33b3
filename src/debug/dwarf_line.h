/*
 * The line table of a unit: a list of files, and a program whose rows say which line of which file
 * an address belongs to.
 */
#ifndef DEBUG_DWARF_LINE_H
#define DEBUG_DWARF_LINE_H

#include "debug/dwarf_unit.h"

struct dwarf_row {
    uint32_t address;
    uint32_t file;
    uint32_t line;   /* 0: the code belongs to no line */
    uint32_t column; /* 0: not known */
};

/* Folders or files of DWARF 5: how many, and in which form each is. */
struct dwarf_line_list {
    uint32_t formats; /* offset of the description in .debug_line */
    uint32_t format_count;
    uint32_t entries;
    uint64_t count;
};

struct dwarf_lines {
    struct dwarf *dwarf;
    const struct dwarf_unit *unit;
    uint16_t version;
    uint8_t instruction_bytes;
    int8_t line_base;
    uint8_t line_range;
    uint8_t opcode_base;
    const uint8_t *operands; /* of the standard opcodes from 1 on: how many each has */
    uint32_t lists;          /* where folders and files begin */
    uint32_t program;
    uint32_t end;
    struct dwarf_line_list folders;
    struct dwarf_line_list files;
};

/* An address whose row is wanted. */
struct dwarf_wanted {
    uint32_t address;
    bool has_row;
    struct dwarf_row row;
};

/* Opens the line table of a unit. False: it has none, or one that can't be read. */
bool dwarf_lines_open(
    struct dwarf *dwarf, const struct dwarf_unit *unit, struct dwarf_lines *out_lines);

/* Runs the program and finds the row of each address; those are in ascending order. */
void dwarf_lines_find(const struct dwarf_lines *lines, struct dwarf_wanted *wanted, size_t count);

/* The file of that number, as rows and entries name it. False: there is no such file. */
bool dwarf_lines_file(
    const struct dwarf_lines *lines, uint32_t number, struct dwarf_file *out_file);

#endif
