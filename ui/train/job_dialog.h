// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's training jobs: state, what they print, pause, resume, stop.
#pragma once

#include <QDialog>
#include <QPointer>

class QPlainTextEdit;
class QPushButton;
class QTableWidget;

namespace fulgurite {

class ThemeManager;
class TrainJobs;
struct PlacedJob;

class JobDialog : public QDialog {
    Q_OBJECT

  public:
    JobDialog(ThemeManager& themes, TrainJobs& jobs, QWidget* parent);

    QTableWidget& table() { return *table_; }
    QPlainTextEdit& log() { return *log_; }

  private:
    void refresh();
    void showLog();
    const PlacedJob* current() const; // null: none

    TrainJobs& jobs_;
    QTableWidget* table_;
    QPlainTextEdit* log_;
    QPushButton* pause_;
    QPushButton* resume_;
    QPushButton* stop_;
    QPushButton* kill_;
    QPushButton* remove_;
};

} // namespace fulgurite
