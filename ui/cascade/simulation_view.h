// SPDX-License-Identifier: GPL-3.0-or-later
// The small-world tab: what the chain would cost over many queries when some images are asked for far more often
// than others, with the band over seeds and the closed form beside it.
#pragma once

#include <QWidget>

#include <memory>

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QSpinBox;

namespace fulgurite::client {
class HttpCall;
struct Simulation;
} // namespace fulgurite::client

namespace fulgurite {

class CascadeSearch;
class LinePlot;
class ThemeManager;

class SimulationView : public QWidget {
    Q_OBJECT

  public:
    SimulationView(ThemeManager& themes, CascadeSearch& search);

    void run();
    LinePlot& touched() { return *touched_; }

  signals:
    void finished();

  private:
    void showResult(const client::Simulation& simulation);
    void showState();

    CascadeSearch& search_;
    QSpinBox* queries_;
    QComboBox* draw_;
    QDoubleSpinBox* exponent_;
    QDoubleSpinBox* fraction_;
    QSpinBox* seeds_;
    QPushButton* run_;
    QLabel* note_;
    LinePlot* touched_;
    LinePlot* costs_;
    std::shared_ptr<client::HttpCall> call_;
    quint64 asked_ = 0;
};

} // namespace fulgurite
