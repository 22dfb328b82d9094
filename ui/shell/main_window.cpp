// SPDX-License-Identifier: GPL-3.0-or-later
// Layout of the window, pages and session.
#include "ui/shell/main_window.h"

#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/local_engine.h"
#include "ui/settings/settings_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/header_row.h"
#include "ui/shell/notice_bar.h"
#include "ui/shell/panel.h"
#include "ui/shell/side_rail.h"
#include "ui/shell/status_strip.h"

#include <QCloseEvent>
#include <QDropEvent>
#include <QFile>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QJsonDocument>
#include <QMenuBar>
#include <QMimeData>
#include <QSaveFile>
#include <QScreen>
#include <QStackedWidget>
#include <QTimer>
#include <QUrl>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

constexpr int kSaveMilliseconds = 10000;

// The checkpoint folder that is being dragged in, or one of whose files is; empty: something else.
QString droppedFolder(const QDropEvent* event) {
    for (const QUrl& url : event->mimeData()->urls()) {
        const QFileInfo dropped(url.toLocalFile());
        const QString folder = dropped.isDir() ? dropped.filePath() : dropped.path();
        if (url.isLocalFile() && QFileInfo::exists(folder + QStringLiteral("/config.json")))
            return folder;
    }
    return {};
}

} // namespace

MainWindow::MainWindow(const ShellContext& context, const PageRegistry& pages, QWidget* parent)
    : QMainWindow(parent),
      context_(context),
      registry_(pages),
      layouts_(context.paths.state + QStringLiteral("/layouts.json"), kLayoutVersion) {
    setObjectName(QStringLiteral("mainWindow"));
    setWindowTitle(QStringLiteral("Fulgurite"));
    setMinimumSize(760, 480);
    resize(1440, 900);
    setAcceptDrops(true);
    build();
    registerActions();
    registerHelpActions();
    buildMenus();
    header_->setPaletteShortcut(context_.actions.action(QStringLiteral("view.palette"))->shortcut());
    connect(&context_.settings, &Settings::changed, this, [this](const QString& key) {
        if (key == keys::kMenuBar)
            applyMenuBarSetting();
    });
    applyMenuBarSetting();
    // A crash then loses a few seconds of rearranging at most.
    auto* saver = new QTimer(this);
    connect(saver, &QTimer::timeout, this, &MainWindow::saveSession);
    saver->start(kSaveMilliseconds);
}

void MainWindow::build() {
    auto* body = new QWidget;
    auto* row = new QHBoxLayout(body);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    rail_ = new SideRail(context_.themes, registry_.pages());
    row->addWidget(rail_);
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    row->addLayout(column, 1);
    header_ = new HeaderRow(context_.themes);
    stack_ = new QStackedWidget;
    column->addWidget(header_);
    column->addWidget(new NoticeBar(context_.themes, context_.notices));
    column->addWidget(stack_, 1);

    auto* all = new QWidget;
    auto* rows = new QVBoxLayout(all);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addWidget(body, 1);
    rows->addWidget(new StatusStrip(context_.themes, context_.status, context_.engine, context_.actions));
    setCentralWidget(all);

    palette_ = new CommandPalette(context_.themes, context_.actions, all);
    connect(header_, &HeaderRow::paletteWanted, palette_, [this] { palette_->open(); });
    connect(palette_, &CommandPalette::shortcutChangeWanted, this, &MainWindow::showShortcutSettings);
    connect(rail_, &SideRail::pageChosen, this, &MainWindow::showPage);
    connect(&context_.actions, &ActionRegistry::pageWanted, this, &MainWindow::showPage);
}

Page* MainWindow::page(const QString& id) {
    if (Page* made = pages_.value(id))
        return made;
    for (const PageInfo& info : registry_.pages()) {
        if (info.id != id)
            continue;
        Page* made = info.make(context_);
        pages_[id] = made;
        stack_->addWidget(made);
        default_layouts_[id] = made->saveState(kLayoutVersion);
        const QJsonObject saved = session_[QStringLiteral("pages")].toObject()[id].toObject();
        if (made->restoreState(QByteArray::fromBase64(saved[QStringLiteral("panels")].toString().toLatin1()),
                               kLayoutVersion))
            made->keepPanelWidths();
        made->restoreSession(saved[QStringLiteral("state")].toObject());
        connect(made, &Page::headerTitleChanged, this, [this, made, title = info.title] {
            if (made == currentPage())
                header_->setTitle(made->headerTitle().isEmpty() ? title : made->headerTitle());
        });
        return made;
    }
    return nullptr;
}

QStringList MainWindow::pageIds() const {
    QStringList ids;
    for (const PageInfo& info : registry_.pages())
        ids << info.id;
    return ids;
}

Page* MainWindow::currentPage() const {
    return qobject_cast<Page*>(stack_->currentWidget());
}

void MainWindow::showPage(const QString& id) {
    Page* wanted = page(id);
    if (!wanted || wanted == currentPage()) {
        rail_->select(currentPage() ? currentPage()->id() : QString());
        if (!wanted || header_->property("page").toString() == id)
            return;
    }
    stack_->setCurrentWidget(wanted);
    rail_->select(id);
    for (const PageInfo& info : registry_.pages()) {
        if (info.id == id)
            header_->show(wanted->headerTitle().isEmpty() ? info.title : wanted->headerTitle(),
                          wanted->headerWidget());
    }
    header_->setProperty("page", id);
    wanted->activated();
}

QString MainWindow::sessionFile() const {
    return context_.paths.state + QStringLiteral("/session.json");
}

void MainWindow::restoreSession() {
    QFile file(sessionFile());
    if (file.open(QIODevice::ReadOnly))
        session_ = QJsonDocument::fromJson(file.readAll()).object();
    if (session_[QStringLiteral("version")].toInt() != kLayoutVersion)
        session_ = {};
    const QByteArray geometry = QByteArray::fromBase64(session_[QStringLiteral("geometry")].toString().toLatin1());
    if (geometry.isEmpty() || !restoreGeometry(geometry)) {
        if (const QScreen* where = screen())
            resize(QSize(1440, 900).boundedTo(where->availableSize()));
    }
    const QString last = session_[QStringLiteral("page")].toString();
    showPage(last);
    if (!currentPage() && !registry_.pages().isEmpty())
        showPage(registry_.pages().first().id);
}

void MainWindow::saveSession() {
    QJsonObject pages = session_[QStringLiteral("pages")].toObject(); // of pages not opened in this run
    for (auto it = pages_.cbegin(); it != pages_.cend(); ++it)
        pages[it.key()] =
            QJsonObject{{"panels", QString::fromLatin1(it.value()->saveState(kLayoutVersion).toBase64())},
                        {"state", it.value()->saveSession()}};
    const QJsonObject session{{"version", kLayoutVersion},
                              {"geometry", QString::fromLatin1(saveGeometry().toBase64())},
                              {"page", currentPage() ? currentPage()->id() : QString()},
                              {"pages", pages}};
    const QByteArray text = QJsonDocument(session).toJson();
    QSaveFile file(sessionFile());
    if (text == saved_session_ || !file.open(QIODevice::WriteOnly))
        return;
    file.write(text);
    if (file.commit())
        saved_session_ = text;
}

void MainWindow::resetLayout() {
    for (auto it = pages_.cbegin(); it != pages_.cend(); ++it) {
        it.value()->restoreState(default_layouts_.value(it.key()), kLayoutVersion);
        it.value()->applyPanelWidths();
    }
}

void MainWindow::applyMenuBarSetting() {
    menuBar()->setVisible(context_.settings.value(keys::kMenuBar).toBool());
}

void MainWindow::showShortcutSettings(const QString& action) {
    showPage(QStringLiteral("settings"));
    if (auto* settings = qobject_cast<SettingsPage*>(currentPage()))
        settings->editShortcut(action);
}

void MainWindow::bringToFront(const QString& path) {
    setWindowState(windowState() & ~Qt::WindowMinimized);
    raise();
    activateWindow();
    if (!path.isEmpty())
        open(path);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (!droppedFolder(event).isEmpty())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    openCheckpoint(droppedFolder(event));
    event->acceptProposedAction();
}

void MainWindow::closeEvent(QCloseEvent* event) {
    saveSession();
    event->accept();
}

void MainWindow::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape && menuBar()->isVisible())
        applyMenuBarSetting();
    QMainWindow::keyPressEvent(event);
}

bool MainWindow::event(QEvent* event) {
    const bool handled = QMainWindow::event(event);
    // Children paint within this call, so once it returns the whole window is in the backing store.
    if (event->type() == QEvent::UpdateRequest && !first_paint_seen_) {
        first_paint_seen_ = true;
        emit painted();
    }
    return handled;
}

} // namespace fulgurite
