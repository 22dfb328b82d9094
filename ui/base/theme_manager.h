// SPDX-License-Identifier: GPL-3.0-or-later
// Which theme is in force, the fonts, and the signal that tells widgets to repaint. The application owns the one
// object and hands it to every widget that paints: `explicit Widget(ThemeManager& themes, QWidget* parent =
// nullptr)`.
#pragma once

#include "ui/base/theme.h"

#include <QFont>
#include <QIcon>
#include <QObject>

#include <memory>

namespace fulgurite {

class SystemColorScheme;

enum class ThemeMode { System, Dark, Light };

// Sizes that the whole window shares, in pixels at 100 %.
namespace metrics {
inline constexpr int kRail = 64;
inline constexpr int kStatusBar = 26;
inline constexpr int kHeader = 44;
inline constexpr int kPanelHeader = 34;
inline constexpr int kGap = 8;
inline constexpr int kRadius = 6;
inline constexpr int kCardRadius = 8;
inline constexpr int kTableRow = 22;
inline constexpr int kFormRow = 28;
} // namespace metrics

class ThemeManager : public QObject {
    Q_OBJECT

  public:
    explicit ThemeManager(QObject* parent = nullptr);
    ~ThemeManager() override;

    const Theme& theme() const { return dark_in_force_ ? dark_ : light_; }
    QColor color(Role role) const { return theme().color(role); }
    QColor color(Role role, double alpha) const { return theme().color(role, alpha); }

    ThemeMode mode() const { return mode_; }
    void setMode(ThemeMode mode);
    // 1.0 is 13 px body text; 0.8 to 2.0. Applies at once to every font handed out from now on and to the style
    // sheet.
    double fontScale() const { return font_scale_; }
    void setFontScale(double scale);
    // Empty: Inter and JetBrains Mono where installed, else what the system uses.
    void setFontFamilies(const QString& ui_family, const QString& code_family);
    QString uiFamily() const;
    QString codeFamily() const;

    // `pixels` at 100 %: 13 body, 13.5 transcript, 12 tables and code, 11.5 or 11 secondary, never under 10.5.
    QFont uiFont(double pixels = 13, int weight = QFont::Normal) const;
    QFont codeFont(double pixels = 12, int weight = QFont::Normal) const; // ligatures off
    int scaled(double pixels) const;                                      // a length that grows with the text

    // An icon of resources/icons by name ("search"), drawn in the role's colour of whichever theme is in force when
    // it is painted: no need to set it again after a change.
    QIcon icon(const QString& name, Role role = Role::Muted) const;

    // Style, palette, font and style sheet of the whole application; called once, then after each change by itself.
    void apply();

  signals:
    void changed(); // colours or fonts: repaint, recompute what was cached

  private:
    void refresh();

    Theme dark_;
    Theme light_;
    std::unique_ptr<SystemColorScheme> system_;
    ThemeMode mode_ = ThemeMode::System;
    bool dark_in_force_ = true;
    bool applied_ = false;
    double font_scale_ = 1.0;
    QString ui_family_;
    QString code_family_;
};

} // namespace fulgurite
