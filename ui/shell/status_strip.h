// SPDX-License-Identifier: GPL-3.0-or-later
// The 26 px row at the foot of the window: engine, model, device, memory, speeds, queue.
#pragma once

#include <QFrame>
#include <QHash>

class QLabel;
class QMenu;
class QPushButton;

namespace fulgurite {

class ActionRegistry;
class LocalEngine;
class StatusModel;
class ThemeManager;
enum class StatusField;

class StatusStrip : public QFrame {
    Q_OBJECT

  public:
    StatusStrip(ThemeManager& themes, StatusModel& status, LocalEngine& engine, ActionRegistry& actions,
                QWidget* parent = nullptr);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void fitLabels();
    void updateEngine();
    void updateValues();
    QPixmap stateDot() const;

    ThemeManager& themes_;
    StatusModel& status_;
    LocalEngine& engine_;
    QPushButton* engine_button_;
    QPushButton* help_;
    QHash<int, QLabel*> labels_;
};

} // namespace fulgurite
