// SPDX-License-Identifier: GPL-3.0-or-later
// The one window: rail, header, notices, the page in front, status bar, palette and menus.
#pragma once

#include "ui/shell/named_layouts.h"
#include "ui/shell/page_registry.h"

#include <QHash>
#include <QMainWindow>

class QStackedWidget;

namespace fulgurite {

class CommandPalette;
class HeaderRow;
class SideRail;

class MainWindow : public QMainWindow {
    Q_OBJECT

  public:
    MainWindow(const ShellContext& context, const PageRegistry& pages, QWidget* parent = nullptr);

    void showPage(const QString& id);
    Page* currentPage() const;
    Page* page(const QString& id); // makes it when it was not shown yet; null: no such page
    QStringList pageIds() const;
    CommandPalette& palette() { return *palette_; }

    // Size, place, page in front and the panels of each page, as the last run left them.
    void restoreSession();
    void saveSession();
    void resetLayout();
    // The panels of all pages that were shown, and the page in front, under a name. False: not written, or unknown.
    bool saveLayout(const QString& name);
    bool openLayout(const QString& name);
    void deleteLayout(const QString& name);
    QStringList layoutNames() const { return layouts_.names(); }
    void openCheckpoint(const QString& folder); // empty: the included model
    // A file of a page's kind (a capture, a runs file) on that page; anything else as a checkpoint folder.
    void open(const QString& path);
    QString pageFor(const QString& path) const; // empty: not a file of a page's kind
    // A second start asked for it, perhaps with something to open.
    void bringToFront(const QString& path);

  signals:
    void painted(); // once: the first paint has reached the window

  protected:
    void closeEvent(QCloseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    bool event(QEvent* event) override;

  private:
    // Raised whenever panels change so that an old layout would not fit; older layouts are then left aside.
    static constexpr int kLayoutVersion = 1;

    void build();
    void registerLayouts();
    void addLayoutAction(const QString& name);
    void followLayouts();
    void registerActions();
    void registerHelpActions();
    void buildMenus();
    void applyMenuBarSetting();
    void showShortcutSettings(const QString& action);
    QString sessionFile() const;

    ShellContext context_;
    PageRegistry registry_;
    QHash<QString, Page*> pages_;
    QHash<QString, QByteArray> default_layouts_;
    NamedLayouts layouts_;
    QJsonObject session_;      // as found at the start
    QByteArray saved_session_; // as last written
    SideRail* rail_ = nullptr;
    HeaderRow* header_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    CommandPalette* palette_ = nullptr;
    bool first_paint_seen_ = false;
};

} // namespace fulgurite
