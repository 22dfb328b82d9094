// SPDX-License-Identifier: GPL-3.0-or-later
// How far the reading of a library's folders is: count, rate, time left, pause and cancel. While none is read: what
// went wrong, which folder is gone or cannot be watched; else hidden.
#pragma once

#include <QFrame>

class QLabel;
class QProgressBar;
class QPushButton;

namespace fulgurite {

class CascadeSearch;

class ScanStrip : public QFrame {
    Q_OBJECT

  public:
    explicit ScanStrip(CascadeSearch& search, QWidget* parent = nullptr);

  private:
    void follow();

    CascadeSearch& search_;
    QLabel* text_;
    QProgressBar* bar_;
    QPushButton* pause_;
    QPushButton* cancel_;
    QPushButton* again_;
};

} // namespace fulgurite
