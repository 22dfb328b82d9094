// SPDX-License-Identifier: GPL-3.0-or-later
// The sample collection: this program's own manual and reference, one document for each section with the page as
// its label, and questions about them (resources/retrieval/manual-queries.json) whose answers are known.
#pragma once

#include <QString>
#include <QStringList>

#include <vector>

namespace fulgurite {

struct ManualSection {
    QString title; // "Prompting: Branches"
    QString label; // "Prompting"
    QString text;
};

// The sections of a Markdown text with headings of two or three marks; what stands before the first is a section by
// the page's name. Sections without text are left out.
std::vector<ManualSection> manualSections(const QString& markdown);

// Writes manual.json and manual-queries.json for the engine into `folder` and returns their paths. `guide`: the
// folder of the user guide; the reference beside it is taken in as well. Throws Error{Io | NotFound}.
QStringList writeSampleCollection(const QString& guide, const QString& folder);

} // namespace fulgurite
