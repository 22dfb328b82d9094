// SPDX-License-Identifier: GPL-3.0-or-later
// A whole document in a window of its own, the part that a search found marked.
#pragma once

#include "core/client/retrieval_types.h"

#include <QDialog>

#include <optional>

class QLabel;
class QPlainTextEdit;

namespace fulgurite {

class ThemeManager;

class DocumentDialog : public QDialog {
    Q_OBJECT

  public:
    DocumentDialog(ThemeManager& themes, QWidget* parent);

    void show(const client::Document& document, const std::optional<client::Passage>& passage);
    QPlainTextEdit& text() { return *text_; }

  private:
    ThemeManager& themes_;
    QLabel* facts_;
    QPlainTextEdit* text_;
};

} // namespace fulgurite
