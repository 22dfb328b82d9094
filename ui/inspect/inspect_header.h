// SPDX-License-Identifier: GPL-3.0-or-later
// In the window's header row while the Inspect page is in front: views as tabs, back and forward, the selection as
// chips that can be taken away, the open capture.
#pragma once

#include "ui/inspect/selection.h"

#include <QHash>
#include <QWidget>

class QHBoxLayout;
class QMenu;
class QPushButton;
class QTabBar;
class QToolButton;

namespace fulgurite {

class ThemeManager;

class InspectHeader : public QWidget {
    Q_OBJECT

  public:
    InspectHeader(ThemeManager& themes, Selection& selection, QWidget* parent = nullptr);

    void setTabs(const QStringList& titles);
    int currentTab() const;
    void setCurrentTab(int index);
    // Of the selected tokens, for the chips.
    void setTokenTexts(const QString& query, const QString& source);
    void setHeadKind(LayerKind kind);
    // Empty: none is open. `detail` is the tooltip.
    void setCapture(const QString& name, const QString& detail);
    void setCaptureMenu(QMenu* menu);
    // For tests and for the keyboard: the chips as they stand.
    QStringList chips() const;

  signals:
    void tabChosen(int index);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    enum class ChipWords { Texts, Names, Numbers }; // "query 69 “the”", "query 69", "69"

    void showSelection();
    void makeChips();
    void showHistory();
    void addChip(const QString& text, const QString& what, const InspectState& without);
    void showCaptureName();
    void showTabTitles();

    ThemeManager& themes_;
    Selection& selection_;
    QTabBar* tabs_;
    QStringList titles_;
    QToolButton* back_;
    QToolButton* forward_;
    QHBoxLayout* chip_row_;
    QList<QPushButton*> chips_;
    ChipWords words_ = ChipWords::Texts;
    int room_for_more_ = 0; // width from which on the chips may have more words
    QPushButton* capture_;
    QString capture_name_;
    QString query_text_;
    QString source_text_;
    LayerKind kind_ = LayerKind::Lightning;
};

} // namespace fulgurite
