// SPDX-License-Identifier: GPL-3.0-or-later
// What can be done on the Cascade page as a whole, for the menus, the palette and the keyboard; and its libraries.
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_header.h"
#include "ui/cascade/evaluation_view.h"
#include "ui/cascade/foreign_picture.h"
#include "ui/cascade/funnel_view.h"
#include "ui/cascade/ledger_view.h"
#include "ui/cascade/result_view.h"
#include "ui/cascade/simulation_view.h"
#include "ui/pages/cascade_page.h"
#include "ui/shell/action_registry.h"

#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QImage>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QPointer>
#include <QTabWidget>
#include <QThreadPool>

#include <algorithm>
#include <array>

namespace fulgurite {

void CascadePage::registerActions() {
    const auto add = [this](const char* id, const QString& title, const char* icon, const char* keys,
                            const QString& keywords, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("Cascade"),
                               .icon = QLatin1String(icon),
                               .shortcut = QKeySequence(QLatin1String(keys), QKeySequence::PortableText),
                               .page = this->id(),
                               .keywords = keywords},
                              this, std::move(run));
    };
    add("cascade.find", tr("Search images"), "search", "Ctrl+F", tr("query describe"), [this] {
        header_->field().setFocus();
        header_->field().selectAll();
    });
    add("cascade.more", tr("More like the selected image"), "plus", "Ctrl+M", tr("similar image term"), [this] {
        if (search_->selected())
            moreLike(*search_->selected());
    });
    add("cascade.picture", tr("More like a picture from a file…"), "file", "Ctrl+Shift+M",
        tr("similar foreign image"), [this] { choosePicture(); });
    add("cascade.paste", tr("More like the picture on the clipboard"), "import", "Ctrl+Shift+V",
        tr("similar foreign image"), [this] { pastePicture(); });
    add("cascade.clear", tr("Take out all terms"), "close", "Ctrl+Shift+A", tr("clear query"),
        [this] { search_->setTerms({}); });
    add("cascade.undo", tr("Undo the last change of the search"), "undo", "Ctrl+Z", tr("terms cuts chain"),
        [this] { search_->undo().undo(); });
    add("cascade.redo", tr("Redo the change of the search"), "redo", "Ctrl+Shift+Z", tr("terms cuts chain"),
        [this] { search_->undo().redo(); });
    add("cascade.cancel", tr("Cancel the search"), "stop", "Esc", tr("stop"), [this] { search_->cancel(); });
    add("cascade.folder", tr("Add a folder of images…"), "folder", "Ctrl+Shift+O", tr("library import open"),
        [this] { chooseFolder(); });
    add("cascade.samples", tr("Open the sample scenes"), "star", "", tr("library example emoji"),
        [this] { openSamples(); });
    add("cascade.scan", tr("Look for new and changed images"), "regenerate", "F5", tr("library refresh rescan"),
        [this] { search_->scan("start"); });
    add("cascade.remove", tr("Remove the library; its images stay on disk"), "trash", "", tr("delete"),
        [this] { removeLibrary(); });
    add("cascade.evaluate", tr("Evaluate the chain on the library's captions"), "play", "Ctrl+Shift+E",
        tr("recall captions"), [this] {
            tabs_->setCurrentWidget(evaluation_);
            evaluation_->run();
        });
    add("cascade.simulate", tr("Simulate a small world"), "play", "", tr("zipf lifetime cost"), [this] {
        tabs_->setCurrentWidget(simulation_);
        simulation_->run();
    });
    add("cascade.region", tr("Go to the next region"), "next", "F6", tr("focus funnel results ledger tabs"),
        [this] { goToNextRegion(); });
    connect(&search_->undo(), &QUndoStack::indexChanged, this, &CascadePage::updateActions);
    connect(search_, &CascadeSearch::selectionChanged, this, &CascadePage::updateActions);
    updateActions();
}

// Search field, funnel, results, tabs, ledger, and round again.
void CascadePage::goToNextRegion() {
    const std::array<QWidget*, 5> regions{&header_->field(), funnel_, results_, tabs_, ledger_};
    const QWidget* now = QApplication::focusWidget();
    const auto here = std::find_if(regions.begin(), regions.end(), [now](const QWidget* region) {
        return now && (region == now || region->isAncestorOf(now));
    });
    const auto from = here == regions.end() ? 0 : here - regions.begin() + 1;
    for (std::size_t i = 0; i < regions.size(); ++i) {
        QWidget* region = regions[(static_cast<std::size_t>(from) + i) % regions.size()];
        QList<QWidget*> inside = region->findChildren<QWidget*>();
        inside.prepend(region);
        for (QWidget* each : inside) {
            if (each->isVisible() && each->isEnabled() && (each->focusPolicy() & Qt::TabFocus))
                return each->setFocus(Qt::TabFocusReason);
        }
    }
}

void CascadePage::updateActions() {
    ActionRegistry& actions = context().actions;
    const bool ready = search_->client() != nullptr;
    const bool library = ready && search_->library();
    const QString none = ready ? tr("Add a folder of images first") : search_->why();
    for (const char* id : {"cascade.scan", "cascade.remove", "cascade.evaluate", "cascade.simulate"})
        actions.setEnabled(QLatin1String(id), library, none);
    actions.setEnabled(QStringLiteral("cascade.folder"), ready, none);
    for (const char* id : {"cascade.picture", "cascade.paste"})
        actions.setEnabled(QLatin1String(id), library, none);
    const bool samples = !findSampleScenes().isEmpty();
    actions.setEnabled(QStringLiteral("cascade.samples"), ready && samples,
                       samples ? none : tr("They are not installed with this program"));
    actions.setEnabled(QStringLiteral("cascade.more"), library && search_->selected(), tr("Select an image first"));
    actions.setEnabled(QStringLiteral("cascade.undo"), search_->undo().canUndo(), tr("Nothing was changed"));
    actions.setEnabled(QStringLiteral("cascade.redo"), search_->undo().canRedo(), tr("Nothing was undone"));
    actions.setEnabled(QStringLiteral("cascade.cancel"), search_->searching(), tr("No search is running"));
    actions.setEnabled(QStringLiteral("cascade.clear"), !search_->question().terms.empty(),
                       tr("There are no terms"));
}

void CascadePage::fillLibraryMenu() {
    library_menu_->clear();
    for (const client::ImageLibrary& library : search_->libraries()) {
        QAction* action = library_menu_->addAction(
            tr("%1 (%L2 images)").arg(QString::fromStdString(library.name)).arg(library.images));
        QStringList folders;
        for (const std::string& folder : library.folders)
            folders << QString::fromStdString(folder);
        action->setToolTip(folders.join(u'\n'));
        action->setCheckable(true);
        action->setChecked(search_->library() && search_->library()->id == library.id);
        connect(action, &QAction::triggered, this, [this, id = library.id] { search_->chooseLibrary(id); });
    }
    library_menu_->addSeparator();
    QAction* create =
        library_menu_->addAction(context().themes.icon(QStringLiteral("plus")), tr("New library from a folder…"));
    connect(create, &QAction::triggered, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder of images"));
        if (!folder.isEmpty())
            search_->createLibrary(QFileInfo(folder).fileName(), {folder});
    });
    for (const char* id : {"cascade.folder", "cascade.samples", "cascade.scan", "cascade.remove"})
        library_menu_->addAction(context().actions.action(QLatin1String(id)));
}

void CascadePage::chooseFolder() {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder of images"));
    if (!folder.isEmpty())
        addFolders({folder});
}

// Into the library in sight; a first folder makes one.
void CascadePage::addFolders(const QStringList& folders) {
    if (folders.isEmpty())
        return;
    if (search_->library())
        search_->addFolders(folders);
    else
        search_->createLibrary(QFileInfo(folders.first()).fileName(), folders);
}

void CascadePage::choosePicture() {
    moreLikeFiles(QFileDialog::getOpenFileNames(this, tr("Look for more like these pictures")));
}

void CascadePage::pastePicture() {
    const QMimeData* held = QApplication::clipboard()->mimeData();
    QStringList files;
    for (const QUrl& url : held ? held->urls() : QList<QUrl>())
        files << url.toLocalFile();
    if (!files.isEmpty())
        return moreLikeFiles(files);
    const QImage picture = QApplication::clipboard()->image();
    if (picture.isNull())
        return reportFailure(tr("There is no picture on the clipboard."));
    moreLikePicture(tr("a pasted picture"), foreignPicture(picture));
}

void CascadePage::moreLikeFiles(const QStringList& files) {
    for (const QString& file : files) {
        QThreadPool::globalInstance()->start([self = QPointer<CascadePage>(this), file] {
            QString problem;
            const QByteArray bytes = foreignPicture(file, &problem);
            QMetaObject::invokeMethod(
                QCoreApplication::instance(),
                [self, file, bytes, problem] {
                    if (self && problem.isEmpty())
                        self->moreLikePicture(QFileInfo(file).fileName(), bytes);
                    else if (self)
                        self->reportFailure(problem);
                },
                Qt::QueuedConnection);
        });
    }
}

void CascadePage::moreLikePicture(const QString& name, const QByteArray& bytes) {
    auto terms = search_->question().terms;
    client::CascadeTerm term;
    term.text = name.toStdString();
    term.picture = std::make_shared<const std::string>(bytes.toStdString());
    term.weight = terms.empty() ? 1 : 0.5;
    terms.push_back(std::move(term));
    search_->setTerms(std::move(terms));
}

void CascadePage::openSamples() {
    const QString folder = findSampleScenes();
    for (const client::ImageLibrary& library : search_->libraries()) {
        if (std::find(library.folders.begin(), library.folders.end(), folder.toStdString()) !=
            library.folders.end())
            return search_->chooseLibrary(library.id);
    }
    search_->createLibrary(tr("Sample scenes"), {folder});
}

// No question: the images stay, and so do vectors; the notice makes the library anew.
void CascadePage::removeLibrary() {
    if (!search_->library())
        return;
    const QString name = QString::fromStdString(search_->library()->name);
    QStringList folders;
    for (const std::string& folder : search_->library()->folders)
        folders << QString::fromStdString(folder);
    search_->removeLibrary();
    context().notices.post(
        {.id = QStringLiteral("cascade-removed"),
         .severity = Severity::Info,
         .text = tr("The library “%1” was removed; its images stay where they are.").arg(name),
         .actions = {{tr("Undo"), [this, name, folders] { search_->createLibrary(name, folders); }}},
         .seconds = 20});
}

} // namespace fulgurite
