// SPDX-License-Identifier: GPL-3.0-or-later
// One setting: name, control, what it does, and a way back to its default.
#pragma once

#include "ui/base/settings.h"

#include <QWidget>

#include <functional>

class QLabel;
class QToolButton;

namespace fulgurite {

class ThemeManager;

class SettingRow : public QWidget {
    Q_OBJECT

  public:
    SettingRow(ThemeManager& themes, Settings& settings, const SettingSpec& spec, QWidget* parent = nullptr);

    const SettingSpec& spec() const { return spec_; }
    bool matches(const QString& words) const;

  signals:
    void engineRestartWanted();

  private:
    QWidget* makeControl();
    QWidget* makeChoice();
    QWidget* makeNumber();
    QWidget* makeFont();
    QWidget* makeFolder();
    void refresh();

    ThemeManager& themes_;
    Settings& settings_;
    SettingSpec spec_;
    std::function<void(const QVariant&)> show_value_;
    QToolButton* reset_;
    QLabel* effect_ = nullptr;
    QWidget* restart_ = nullptr;
};

} // namespace fulgurite
