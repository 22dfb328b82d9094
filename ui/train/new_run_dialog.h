// SPDX-License-Identifier: GPL-3.0-or-later
// A new run: its method, its configuration as text, what the engine's dry run says of it, and start.
#pragma once

#include <QDialog>
#include <QProcess>

#include <memory>

class QComboBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;
class QTemporaryDir;

namespace fulgurite {

class ThemeManager;
class TrainJobs;

class NewRunDialog : public QDialog {
    Q_OBJECT

  public:
    // `model` is where a run on this computer may start from; `program` the engine's.
    NewRunDialog(ThemeManager& themes, TrainJobs& jobs, const QString& program, const QString& model,
                 QWidget* parent);
    ~NewRunDialog() override;

    QPlainTextEdit& config() { return *config_; }
    QComboBox& method() { return *method_; }
    QComboBox& place() { return *place_; }
    QString node() const; // that is chosen
    QLineEdit& name() { return *name_; }
    QPlainTextEdit& output() { return *output_; }
    void dryRun();
    void startRun();

  private:
    void offerConfig();
    void followPlaces();
    void followPlace();

    TrainJobs& jobs_;
    QString program_;
    QString model_;
    QComboBox* method_;
    QComboBox* place_;
    QLineEdit* name_;
    QPlainTextEdit* config_;
    QPlainTextEdit* output_;
    QPushButton* dry_;
    QPushButton* start_;
    std::unique_ptr<QTemporaryDir> folder_; // of the dry run's file
    std::unique_ptr<QProcess> process_;
    QString offered_; // the text that nobody has changed yet
};

} // namespace fulgurite
