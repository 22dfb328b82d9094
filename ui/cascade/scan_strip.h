// SPDX-License-Identifier: GPL-3.0-or-later
// How far the reading of a library's folders is: count, rate, time left, pause and cancel. Hidden while none is
// read.
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
};

} // namespace fulgurite
