// SPDX-License-Identifier: GPL-3.0-or-later
// A page of the window: a central widget and dockable panels of its own. Pages never know each other.
#pragma once

#include "ui/shell/shell_context.h"

#include <QJsonObject>
#include <QMainWindow>

#include <functional>
#include <utility>

namespace fulgurite {

class Panel;

// One picture for the user guide: `prepare` puts the page into the state to show and calls `ready` once it is
// there, at once or after the engine has answered.
struct PictureScene {
    QString name; // of the file, without mode and size: "prompt-tokens"
    std::function<void(std::function<void()> ready)> prepare;
};

class Page : public QMainWindow {
    Q_OBJECT

  public:
    Page(const QString& id, const ShellContext& context, QWidget* parent = nullptr);

    const QString& id() const { return id_; }
    // Stands in the shell's header row, right of the page's name; may be null. The shell takes it over.
    virtual QWidget* headerWidget() { return nullptr; }
    // Stands in the header row instead of the page's name; empty: the name.
    virtual QString headerTitle() const { return {}; }
    // Called each time it comes to the front.
    virtual void activated() {}
    // Kept between starts beside the layout of the panels: the open conversation, for example.
    virtual QJsonObject saveSession() const { return {}; }
    virtual void restoreSession(const QJsonObject&) {}
    // A file of a kind that the registry says this page opens; errors are told in the notice bar.
    virtual void openFile(const QString&) {}
    virtual QList<PictureScene> pictureScenes() { return {}; }

    // A panel that can be dragged, floated, tabbed and hidden; `panel_id` names it in the saved layout. Registers
    // the action "<page>.panel.<panel_id>" that shows or hides it.
    Panel* addPanel(const QString& panel_id, const QString& title, QWidget* content, Qt::DockWidgetArea area,
                    int width, const QKeySequence& toggle = {});

    // The panels as addPanel() asked for them; also what a page without a saved layout begins with.
    void applyPanelWidths();
    // A saved layout has set the widths: keep them.
    void keepPanelWidths() { widths_wanted_ = false; }

  signals:
    void headerTitleChanged();

  protected:
    const ShellContext& context() const { return context_; }
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    void fitPanels();

    QList<std::pair<Panel*, int>> panels_; // with the width each asked for
    QList<Panel*> made_room_;              // hidden because the window is narrow, to come back when it is not
    bool was_narrow_ = false;
    bool widths_wanted_ = true; // until the page has its size
    QString id_;
    ShellContext context_;
};

} // namespace fulgurite
