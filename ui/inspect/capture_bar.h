// SPDX-License-Identifier: GPL-3.0-or-later
// The row over the panels while a capture is planned or taken: what it would cost, how far it is, and the way out.
#pragma once

#include "core/client/inspection_client.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QProgressBar;
class QPushButton;

namespace fulgurite {

class ThemeManager;

class CaptureBar : public QWidget {
    Q_OBJECT

  public:
    // Whose queries, keys and values are recorded: what most of the file is.
    enum class Layers { All, Softmax, Ticked, None };

    explicit CaptureBar(ThemeManager& themes, QWidget* parent = nullptr);

    void showPlanning(const QString& title);
    void showCost(const QString& title, const client::CaptureCost& cost);
    void showStarting(const QString& title, const QString& cost);
    void showProgress(std::size_t done, std::size_t total, double seconds);
    void showProblem(const QString& message);
    // How many heads are ticked: without any, their choice is not offered.
    void setTicked(std::size_t count);
    Layers layers() const;
    QString text() const;

  signals:
    void layersChanged(); // the cost has to be asked for again
    void startWanted();
    void cancelWanted(); // also: do not take it

  private:
    QLabel* text_;
    QLabel* layers_label_;
    QComboBox* layers_;
    QProgressBar* progress_;
    QPushButton* start_;
    QPushButton* cancel_;
};

// "38.2 MiB, about 4 s"; without a time where the engine has measured none.
QString costText(const client::CaptureCost& cost);

} // namespace fulgurite
