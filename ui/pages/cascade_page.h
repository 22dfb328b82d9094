// SPDX-License-Identifier: GPL-3.0-or-later
// The Cascade page: image search through encoders of rising cost, with every stage of the funnel, the ledger of
// what it cost, and the evaluation in sight.
#pragma once

#include "ui/cascade/cascade_search.h"
#include "ui/cascade/thumbnail_store.h"
#include "ui/shell/page.h"

class QMenu;
class QProgressBar;
class QSplitter;
class QTabWidget;
class QTableView;

namespace fulgurite {

class CascadeHeader;
class EvaluationView;
class FellView;
class FunnelView;
class LedgerView;
class LibraryView;
class ResultView;
class ScanStrip;
class SimulationView;
class TermRow;

class CascadePage : public Page {
    Q_OBJECT

  public:
    explicit CascadePage(const ShellContext& context);

    QWidget* headerWidget() override;
    void activated() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    CascadeSearch& search() { return *search_; }
    void searchFor(const QString& text); // the one term; further ones stay
    void moreLike(client::ImageId image);
    // Pictures that are in no library; read beside the window's thread.
    void moreLikeFiles(const QStringList& files);

    FunnelView& funnel() { return *funnel_; }
    ResultView& results() { return *results_; }
    LedgerView& ledger() { return *ledger_; }
    EvaluationView& evaluation() { return *evaluation_; }
    SimulationView& simulation() { return *simulation_; }
    FellView& fell() { return *fell_; }
    LibraryView& library() { return *library_; }
    QTabWidget& tabs() { return *tabs_; }

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    void build();
    void registerActions();
    void updateActions();
    void goToNextRegion();
    void showState(); // what stands in the funnel's place while there is no answer
    void showEntries();
    void fillLibraryMenu();
    void chooseFolder();
    void addFolders(const QStringList& folders);
    void choosePicture();
    void pastePicture();
    void moreLikePicture(const QString& name, const QByteArray& bytes);
    void openSamples();
    void removeLibrary();
    void preview(client::ImageId image);
    void reportFailure(const QString& message);
    QString encodersObstacle() const;

    CascadeSearch* search_;
    ThumbnailStore* thumbnails_;
    CascadeHeader* header_;
    QMenu* library_menu_;
    TermRow* terms_;
    ScanStrip* scan_;
    QSplitter* rows_;
    QSplitter* columns_;
    FunnelView* funnel_;
    ResultView* results_;
    LedgerView* ledger_;
    QTabWidget* tabs_;
    EvaluationView* evaluation_;
    FellView* fell_;
    LibraryView* library_;
    QTableView* entries_;
    SimulationView* simulation_;
    QStringList history_;
    std::int64_t wanted_library_ = 0; // of the session before
};

// The folder of sample scenes that comes with the program; empty: it was not installed.
QString findSampleScenes();

} // namespace fulgurite
