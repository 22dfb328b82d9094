// SPDX-License-Identifier: GPL-3.0-or-later
// The Retrieve page: collections, a query, the rankings of several strategies side by side with every vote of every
// head, maps of the collection, and evaluations. One session holds what all panels show; the controller asks the
// engine.
#pragma once

#include "ui/retrieve/retrieve_controller.h"
#include "ui/shell/page.h"

class QSplitter;
class QStackedWidget;
class QTabBar;

namespace fulgurite {

class Card;
class CollectionList;
class DocumentDialog;
class DocumentList;
class EmbedderPanel;
class EvaluationPanel;
class HeadGrid;
class QueryBox;
class RankView;
class ResultPanel;
class RetrieveHeader;
class SeparationList;
class SpacePanel;
class StrategyPanel;
class VoteMap;

class RetrievePage : public Page {
    Q_OBJECT

  public:
    explicit RetrievePage(const ShellContext& context);
    ~RetrievePage() override;

    QWidget* headerWidget() override;
    void activated() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    RetrieveSession& session() { return session_; }
    RetrieveController& controller() { return controller_; }

    // The manual as a collection; the one that is there already is chosen and brought up to date.
    void openSample();
    void showQuery(int index); // of the chosen query set, and searches for it
    void search();
    // What "Prompt with hits" puts into the composer; empty: nothing to cite.
    QString promptText() const;

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    enum BottomTab { kEvaluationTab, kPlotsTab, kDocumentsTab, kSeparationsTab };

    QWidget* buildLeft();
    QWidget* buildHeads();
    QWidget* buildRight();
    Card* buildBottom();
    void build();
    void connectSession();
    void connectController();
    void registerActions();
    void resetPanes();
    void showTab(BottomTab tab);

    void followEngine();
    void showCollections();
    void showCollection();
    void showSearchEnd(const QString& problem);
    void showHeadNames();
    void updateActions();
    void updateObstacles();
    void stepQuery(int by);
    void showSampleQuery();
    void addDocuments(const QString& collection);
    void addFolder();
    void takeFiles(const QString& collection, const QStringList& paths);
    void newCollection(const QString& name, const QStringList& paths);
    void removeCollection(const QString& id);
    void editPrompts();
    void evaluate();
    void connectResults();
    void saveQuery();
    void toggleCited(std::int32_t document);
    std::vector<std::int32_t> sources() const; // what a prompt would cite
    void promptWithHits();
    void inspectHead(int head);
    void openDocument(std::int32_t document);
    void reportFailure(const QString& message);
    void reportWork(const QString& collection, const client::RetrievalJob& job);
    QString searchObstacle() const;
    QString inspectObstacle() const;               // why the chosen head cannot be looked into
    void whenSearched(std::function<void()> then); // once, after the search that runs
    void showPlotOf(const QString& name, std::function<void()> then);

    RetrieveSession session_;
    RetrieveController controller_;
    RetrieveHeader* header_ = nullptr;
    CollectionList* collections_ = nullptr;
    StrategyPanel* strategies_ = nullptr;
    EmbedderPanel* embedder_ = nullptr;
    HeadGrid* heads_ = nullptr;
    Card* collections_card_ = nullptr;
    Card* heads_card_ = nullptr;
    Card* votes_card_ = nullptr;
    QueryBox* query_ = nullptr;
    RankView* ranks_ = nullptr;
    SpacePanel* spaces_ = nullptr;
    VoteMap* votes_ = nullptr;
    EvaluationPanel* evaluation_ = nullptr;
    ResultPanel* results_panel_ = nullptr;
    DocumentList* documents_ = nullptr;
    SeparationList* separations_ = nullptr;
    QTabBar* bottom_tabs_ = nullptr;
    QStackedWidget* bottom_pages_ = nullptr;
    Card* bottom_ = nullptr;
    QWidget* right_ = nullptr;
    QSplitter* columns_ = nullptr;
    QSplitter* rows_ = nullptr;
    QSplitter* results_ = nullptr;
    QSplitter* maps_ = nullptr;
    DocumentDialog* dialog_ = nullptr;
    int query_index_ = -1; // in the query set; -1: typed
    QStringList prompts_;
    std::vector<std::int32_t> cited_;
    bool sample_wanted_ = false;
    bool right_hidden_ = false; // because the window is narrow
};

} // namespace fulgurite
